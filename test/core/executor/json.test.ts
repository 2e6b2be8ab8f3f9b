// Without this something that only looks like JSON could leave a node and come back as something else.
import fc from "fast-check";
import { expect, it } from "vitest";
import { asJson } from "../../../src/executor/json.ts";
import { JSON_DEPTH_MAX } from "../../../src/limits.ts";

it("JSON comes out as it went in", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      expect(asJson(value, JSON_DEPTH_MAX)).toEqual({ ok: true, value });
    }),
  );
});

it("what comes out is what JSON would have written, for whatever goes in", () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true, withMap: true }),
      (value) => {
        const json = asJson(value, JSON_DEPTH_MAX);
        if (json.ok) expect(JSON.stringify(json.value)).toBe(JSON.stringify(value) ?? "null");
      },
    ),
  );
});

it("nests as deep as the bound and no deeper", () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  expect(asJson(nested(JSON_DEPTH_MAX), JSON_DEPTH_MAX).ok).toBe(true);
  expect(asJson(nested(JSON_DEPTH_MAX + 1), JSON_DEPTH_MAX).ok).toBe(false);
});
