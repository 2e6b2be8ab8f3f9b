/** What a case of validation is: a graph with one mistake, and what it is written with. */
import { expect } from "vitest";
import type { Fault, FaultCode } from "../../../src/graph/fault.ts";
import type { WrittenGraph } from "../../../src/graph/parse.ts";

/** A sound graph, with more lines in it. */
export const withLines = (...lines: string[]): WrittenGraph => ({
  dot: ["digraph g {", "start [type=plan]", "draft [type=task]", "start -> draft", ...lines, "}"].join("\n"),
});

export const document = (more: object) => ({
  name: "g",
  nodes: [
    { name: "start", type: "plan" },
    { name: "draft", type: "task" },
  ],
  edges: [{ from: "start", to: "draft" }],
  ...more,
});

export interface Case {
  readonly says: string;
  readonly written: WrittenGraph;
  readonly code: FaultCode;
  /** All of the fault but its code, as far as the case is about it. */
  readonly fault: Partial<Fault>;
}

export const position = (line: number, column: number) => ({ position: { line, column } });
export const edge = (from: string, to: string) => ({ edge: { from, to } });
export const saying = (...words: string[]) => ({
  message: expect.stringMatching(new RegExp(words.join(".*"))) as unknown as string,
});

export const many = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i));
