// Without this a text that nobody thought of could throw, or two languages could drift apart.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashGraph } from "../../../src/graph/canonical.ts";
import { documentOf, graphOf } from "../../../src/graph/document.ts";
import { parseGraph, type WrittenGraph } from "../../../src/graph/parse.ts";
import { arbitraryDocument } from "./arbitrary.ts";
import { catalogue } from "./catalogue.ts";
import { writeDot } from "./write-dot.ts";

const faultsOf = (written: WrittenGraph) => {
  const parsed = parseGraph(written, catalogue);
  return parsed.ok ? [] : parsed.error;
};

const everyFaultSpeaks = (written: WrittenGraph) => {
  for (const { message, position } of faultsOf(written)) {
    expect(message).toMatch(/\S.*[.?]$/s);
    if (position) expect(Math.min(position.line, position.column)).toBeGreaterThan(0);
  }
};

const pieces = fc.constantFrom(
  ...'digraph|graph|g|{|}|[|]|=|;|,|->|--|node|edge|subgraph|strict|a|b|type|plan|task|"x"|"|\\|<|>|+|:|#|\n|//|/*|*/|30s|.5|é|when|settings'.split(
    "|",
  ),
);

describe("a random valid graph", () => {
  it("is valid", () => {
    fc.assert(
      fc.property(arbitraryDocument, (graph) => {
        expect(faultsOf({ graph })).toEqual([]);
      }),
    );
  });

  it("is the same graph when it is written as DOT", () => {
    fc.assert(
      fc.property(arbitraryDocument, (document) => {
        const [fromJson, fromDot] = [{ graph: document }, { dot: writeDot(document) }].map((written) =>
          parseGraph(written, catalogue),
        );
        // A document has no positions to warn of.
        expect({ ...fromDot, warnings: [] }).toEqual({ ...fromJson, warnings: [] });
      }),
    );
  });

  it("is the same graph after its complete document was stored, and when that is sent again", () => {
    fc.assert(
      fc.property(arbitraryDocument, (document) => {
        const parsed = parseGraph({ graph: document }, catalogue);
        if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
        const stored = JSON.parse(JSON.stringify(documentOf(parsed.value)));
        expect(graphOf(stored)).toEqual(parsed.value);
        expect(hashGraph(graphOf(stored))).toBe(hashGraph(parsed.value));
        expect(parseGraph({ graph: stored }, catalogue)).toEqual(parsed);
      }),
    );
  });
});

describe("whatever is sent", () => {
  it("gets an answer, and every fault has a message and a position in the text", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(pieces, { maxLength: 60 }).map((all) => all.join(" ")),
    );
    fc.assert(
      fc.property(text, (dot) => {
        everyFaultSpeaks({ dot });
        everyFaultSpeaks({ dot: `digraph g { ${dot} }` });
      }),
      { numRuns: 500 },
    );
  });

  it("gets an answer when a piece of a valid text is gone or doubled", () => {
    fc.assert(
      fc.property(arbitraryDocument, fc.nat(), fc.nat(20), fc.boolean(), (document, at, length, doubled) => {
        const dot = writeDot(document);
        const start = at % dot.length;
        const cut =
          dot.slice(0, doubled ? start + length : start) + dot.slice(doubled ? start : start + length);
        everyFaultSpeaks({ dot: cut });
      }),
    );
  });

  it("gets an answer when a part of a valid document is anything", () => {
    fc.assert(
      fc.property(arbitraryDocument, fc.nat(), fc.jsonValue(), (document, at, value) => {
        const graph = structuredClone(document) as Record<string, unknown>;
        const places: [object, string][] = [];
        const collect = (object: object): void => {
          for (const [key, member] of Object.entries(object)) {
            places.push([object, key]);
            if (typeof member === "object" && member !== null) collect(member);
          }
        };
        collect(graph);
        const [object, key] = places[at % places.length]!;
        Reflect.set(object, key, value);
        everyFaultSpeaks({ graph });
      }),
      { numRuns: 300 },
    );
  });

  it("gets an answer when it is any JSON at all", () => {
    fc.assert(fc.property(fc.jsonValue(), (graph) => everyFaultSpeaks({ graph })));
  });
});
