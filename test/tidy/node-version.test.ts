// Without this, tests run silently on whatever Node the machine has when they are not started through npm.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("the tests run on the Node that the project brings", () => {
  const { optionalDependencies } = JSON.parse(readFileSync("package.json", "utf8"));
  const versions: string[] = Object.values(optionalDependencies);
  expect(versions, "start the tests with `npm test`").toContain(process.versions.node);
});
