// Without these a scrape is refused as a whole for one odd character, or a histogram says what was not so.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { counted, type Family, merged, single, written } from "../../../src/metrics/family.ts";
import { Histogram } from "../../../src/metrics/histogram.ts";
import { readExposition } from "../../fixtures/exposition.ts";

describe("what is written of a family", () => {
  const cases: [name: string, family: Family, text: string][] = [
    [
      "a counter",
      single("counter", "a_total", "As.", 3),
      "# HELP a_total As.\n# TYPE a_total counter\na_total 3\n",
    ],
    ["a gauge that is not known", single("gauge", "a", "As.", undefined), "# HELP a As.\n# TYPE a gauge\n"],
    [
      "one sample for each name",
      counted("a_total", "As.", "reason", { late: 1, unknown: 0 }),
      '# HELP a_total As.\n# TYPE a_total counter\na_total{reason="late"} 1\na_total{reason="unknown"} 0\n',
    ],
    [
      "what has to be escaped in a help",
      single("gauge", "a", 'back\\slash "quoted"\nline', 1),
      '# HELP a back\\\\slash "quoted"\\nline\n# TYPE a gauge\na 1\n',
    ],
    [
      "what has to be escaped in a label",
      counted("a_total", "As.", "name", { 'back\\slash "quoted"\nline': 1 }),
      '# HELP a_total As.\n# TYPE a_total counter\na_total{name="back\\\\slash \\"quoted\\"\\nline"} 1\n',
    ],
    ["a fraction", single("gauge", "a", "As.", 0.25), "# HELP a As.\n# TYPE a gauge\na 0.25\n"],
    ["more than all numbers", single("gauge", "a", "As.", 1 / 0), "# HELP a As.\n# TYPE a gauge\na +Inf\n"],
    ["no number", single("gauge", "a", "As.", Number.NaN), "# HELP a As.\n# TYPE a gauge\na NaN\n"],
  ];
  test.each(cases)("%s", (_, family, text) => {
    expect(written([family])).toBe(text);
    readExposition(text);
  });

  test("any label and any help can be read again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (help, label) => {
        readExposition(written([counted("a_total", help, "label", { [label]: 1 })]));
      }),
    );
  });
});

test("families of several tenants are written once, each sample with its tenant", () => {
  const families = [single("counter", "a_total", "As.", 1), counted("b_total", "Bs.", "kind", { plan: 2 })];
  const samples = readExposition(
    written(merged(["one", "two"].map((tenant) => ({ labels: { tenant }, families })))),
  );
  expect([...samples]).toEqual([
    ['a_total{tenant="one"}', 1],
    ['a_total{tenant="two"}', 1],
    ['b_total{tenant="one",kind="plan"}', 2],
    ['b_total{tenant="two",kind="plan"}', 2],
  ]);
});

describe("a histogram", () => {
  const textOf = (histogram: Histogram) =>
    readExposition(written([{ name: "h", help: "Hs.", type: "histogram", samples: histogram.samples() }]));

  test("counts in each bucket all that is at most its bound", () => {
    const histogram = new Histogram([0.5, 1, 10]);
    for (const value of [0, 0.5, 0.75, 1, 11]) histogram.observe(value);
    expect([...textOf(histogram)]).toEqual([
      ['h_bucket{le="0.5"}', 2],
      ['h_bucket{le="1"}', 4],
      ['h_bucket{le="10"}', 4],
      ['h_bucket{le="+Inf"}', 5],
      ["h_sum", 13.25],
      ["h_count", 5],
    ]);
  });

  test("has as many in its last bucket as in its count, and never fewer in a later one", () => {
    const bounds = fc.uniqueArray(fc.integer({ min: 0, max: 100 })).map((all) => all.sort((a, b) => a - b));
    fc.assert(
      fc.property(bounds, fc.array(fc.integer({ min: 0, max: 200 })), (rising, values) => {
        const histogram = new Histogram(rising);
        for (const value of values) histogram.observe(value);
        const samples = [...textOf(histogram)];
        const buckets = samples.slice(0, rising.length + 1).map(([, value]) => value);
        const atMost = [...rising, Number.POSITIVE_INFINITY].map(
          (bound) => values.filter((value) => value <= bound).length,
        );
        expect(buckets).toEqual(atMost);
        expect(samples.slice(-2).map(([, value]) => value)).toEqual([
          values.reduce((sum, value) => sum + value, 0),
          values.length,
        ]);
      }),
    );
  });
});
