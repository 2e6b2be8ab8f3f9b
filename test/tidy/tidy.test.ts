// Without this, the layering and the form of the code are held by good will, and give way one file at a time.
import { expect, test } from "vitest";
import { RULES } from "./rules/index.ts";
import { allSources } from "./source.ts";

const sources = allSources();

test("there are sources to look at", () => {
  expect(sources.length).toBeGreaterThan(20);
});

test.for(Object.entries(RULES))("%s", ([, rule]) => {
  const findings = sources.flatMap((source) => rule(source)).map(({ at, message }) => `${at} ${message}`);
  expect(findings.join("\n")).toBe("");
});
