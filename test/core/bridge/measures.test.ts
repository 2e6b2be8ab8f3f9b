// Without this, the documents would name a metric that is gone, or leave one out, and nobody would notice.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { Measures } from "../../../bridge/measures.ts";

const PREFIX = "escapement_bridge";

test("docs/bridge.md lists every metric of the bridge, and no other", () => {
  const rows = readFileSync("docs/bridge.md", "utf8").matchAll(/^\| (`escapement_bridge_.*?) \|/gm);
  const listed = [...rows].flatMap(([, names = ""]) =>
    [...names.matchAll(/`(.+?)`/g)].map(([, name = ""]) => name.replace("…", PREFIX)),
  );
  expect(listed.sort()).toEqual(
    new Measures()
      .families()
      .map(({ name }) => name)
      .sort(),
  );
});
