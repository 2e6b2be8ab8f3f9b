/** Graphs that are too large, or would be if a short text were written out, and the one fault of each. */
import { GRAPH_TEXT_BYTES_MAX, GRAPH_WORDS_MAX } from "../../../src/limits.ts";
import { type Case, document, many, position, saying, withLines } from "./case.ts";

export const OVERSIZE: Case[] = [
  {
    says: "a text over its bound",
    written: { dot: `digraph g { } //${" ".repeat(GRAPH_TEXT_BYTES_MAX)}` },
    code: "text_too_large",
    fault: saying("1048592"),
  },
  {
    says: "defaults that multiply a short text",
    written: withLines(`node [type=task, label="${"x".repeat(10_000)}"]`, ...many(200, (i) => `n${i}`)),
    code: "text_too_large",
    fault: saying("defaults"),
  },
  {
    says: "5,001 nodes",
    written: withLines(...many(4_999, (i) => `n${i} [type=task]`)),
    code: "too_many_nodes",
    fault: { ...position(5_003, 1), ...saying("5000") },
  },
  {
    says: "20,001 edges",
    written: withLines(
      `{${many(142, (i) => `a${i};`).join("")}} -> {${many(142, (i) => `b${i};`).join("")}}`,
    ),
    code: "too_many_edges",
    fault: { ...position(5, 1), ...saying("20000", "142 × 142") },
  },
  {
    says: "20,001 edges that strict makes one",
    written: { dot: `strict digraph g { ${"a -> b;".repeat(20_001)} }` },
    code: "too_many_edges",
    fault: { ...position(1, 20 + 20_000 * 7), ...saying("one more") },
  },
  {
    says: "more words than there is memory for",
    written: { dot: `digraph g { ${"a;".repeat(GRAPH_WORDS_MAX / 2)}` },
    code: "text_too_large",
    fault: { ...position(1, 10 + GRAPH_WORDS_MAX), ...saying("250000") },
  },
  {
    says: "20,001 edges in a document",
    written: { graph: document({ edges: many(20_001, () => ({ from: "start", to: "draft" }) as never) }) },
    code: "too_many_edges",
    fault: saying("20000"),
  },
  {
    says: "5,001 nodes in a document",
    written: { graph: document({ nodes: many(5_001, (i) => ({ name: `n${i}`, type: "task" }) as never) }) },
    code: "too_many_nodes",
    fault: saying("5000"),
  },
  {
    says: "groups that multiply a short text",
    written: withLines(
      ...["a", "b"].flatMap((name) => [
        `subgraph ${name} {`.repeat(90),
        ...many(4_000, (i) => `n${i};`),
        "}".repeat(90),
      ]),
    ),
    code: "text_too_large",
    fault: saying("members of groups"),
  },
];
