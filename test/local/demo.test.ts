// Without this, the first command that a newcomer types could fail, or leave something running.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { examples } from "../../examples/index.ts";

test("the demo runs each example to its end, answers what it asks, shows its executions, and stops what it started", {
  timeout: 120_000,
}, async () => {
  // Rejects where it does not exit with 0.
  const { stdout } = await promisify(execFile)(process.execPath, ["examples/demo/main.ts"]);
  for (const { name, sentence } of examples) expect(stdout).toContain(`${name}: ${sentence}`);
  expect(stdout.match(/SUCCEEDED after \d+ steps/g)).toHaveLength(examples.length);
  expect(stdout.match(/Its executions, as D1 has them/g)).toHaveLength(examples.length);
  expect(stdout).toContain("asks: Refund 120 to Ada?");
  expect(stdout).toContain('The demo answers for them: {"value":{"amount":80},"comment":"one wheel of two"}');
  expect(stdout).toContain(
    "budget_rejected: budget polish has no room for 100 tokens: of 650, 600 are spent",
  );
  const [url = ""] = /http:\S+\d/.exec(stdout) ?? [];
  await expect(fetch(`${url}/health`)).rejects.toThrow("fetch failed");
});
