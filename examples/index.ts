/** What there is to see: each example with its graph and an input. For Node, because it reads files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Plan, Task } from "../src/executor/node.ts";
import type { WrittenGraph } from "../src/graph/parse.ts";
import { digestGraph } from "./digest/graph.ts";
import { digestNodes } from "./digest/nodes.ts";
import { polishNodes } from "./polish/nodes.ts";
import { redraftNodes } from "./redraft/nodes.ts";

export interface Example {
  /** Of the example and of its graph. */
  readonly name: string;
  readonly sentence: string;
  readonly graph: WrittenGraph;
  readonly input: JsonValue;
  readonly nodes: { readonly plans: readonly Plan[]; readonly tasks: readonly Task[] };
  /** What the demo answers itself when it is asked; people do, elsewhere. */
  readonly answer?: { readonly value: JsonValue; readonly comment: string };
  /** As it is set before the example runs. */
  readonly budget?: JsonObject;
}

const text = (path: string): string => readFileSync(join(import.meta.dirname, path), "utf8");

export const examples: readonly Example[] = [
  {
    name: "redraft",
    sentence: "An agent drafts an announcement, checks it against the rules, and redrafts until all are met.",
    graph: { dot: text("redraft/graph.dot") },
    input: JSON.parse(text("redraft/input.json")),
    nodes: redraftNodes,
  },
  {
    name: "digest",
    sentence:
      "Four readers share five documents; when all have read, one digest says what they have in common.",
    graph: { graph: digestGraph },
    input: JSON.parse(text("digest/input.json")),
    nodes: digestNodes,
  },
  {
    name: "refund",
    sentence: "A refund waits until a person has said how much of it is paid.",
    graph: { dot: text("refund/graph.dot") },
    input: JSON.parse(text("refund/input.json")),
    nodes: { plans: [], tasks: [] },
    answer: { value: { amount: 80 }, comment: "one wheel of two" },
  },
  {
    name: "polish",
    sentence:
      "An agent that is never content goes round and round, until the budget of its lifetime is spent.",
    graph: { dot: text("polish/graph.dot") },
    input: JSON.parse(text("polish/input.json")),
    nodes: polishNodes,
    budget: { scope: "lifetime", graph: "polish", limits: { tokens: 650 } },
  },
];
