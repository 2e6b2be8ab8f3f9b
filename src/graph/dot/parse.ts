/**
 * DOT text → draft, and every fault of the text that can be told from the others. Says nothing about what
 * the graph means.
 */
import { EOF, type IToken, Lexer, tokenMatcher } from "chevrotain";
import { GRAPH_GROUP_DEPTH_MAX, GRAPH_TEXT_BYTES_MAX } from "../../limits.ts";
import type { Drafted } from "../draft.ts";
import { type Fault, fault, inOrder, type Position } from "../fault.ts";
import { draftOfSyntax } from "./draft.ts";
import { DotParser, positionOf } from "./grammar.ts";
import type { DotGraph } from "./syntax.ts";
import { createTokens } from "./tokens.ts";

const createReader = () => {
  const { tokens, inOrderOfMatching } = createTokens();
  const lexer = new Lexer(inOrderOfMatching, { positionTracking: "onlyStart" });
  return { tokens, lexer, parser: new DotParser(tokens, inOrderOfMatching) };
};

let reader: ReturnType<typeof createReader> | undefined;

const endOf = (text: string): Position => {
  const lines = text.trimEnd().split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
};

const tooDeep = (words: readonly IToken[]): Fault | undefined => {
  let depth = 0;
  for (const word of words) {
    if (word.image === "}") depth--;
    if (word.image !== "{" || ++depth <= GRAPH_GROUP_DEPTH_MAX) continue;
    const message = `Groups nest deeper than ${GRAPH_GROUP_DEPTH_MAX} levels; write them beside one another.`;
    return fault("syntax", message, { position: positionOf(word) });
  }
  return undefined;
};

const OPEN: Record<string, string> = {
  OpenComment: "The comment that begins here is never closed; end it with */.",
  OpenText:
    'The string that begins here is never closed; end it with ", and write \\" for a quote inside it.',
  OpenHtml:
    "An HTML string, which is not supported, begins here and is never closed; write a string in quotes.",
};

/** A graph that is not directed is told of once, not at each of its edges. */
const firstNotDirected = (faults: readonly Fault[]): Fault[] => {
  const first = faults.find(({ code }) => code === "not_directed");
  return faults.filter((one) => one.code !== "not_directed" || one === first);
};

/** Errors of one line are hardly told apart, so the first of it stands for all. */
const firstOfEachLine = (faults: readonly Fault[]): Fault[] => {
  const lines = new Set<number | undefined>();
  return inOrder(faults).filter(({ position }) => {
    const first = !lines.has(position?.line);
    lines.add(position?.line);
    return first;
  });
};

const readSyntax = (text: string): { graphs: readonly DotGraph[]; faults: readonly Fault[] } => {
  reader ??= createReader();
  const { tokens, lexer, parser } = reader;
  const lexed = lexer.tokenize(text);
  const { open, graph, digraph } = tokens;
  const openAt = lexed.tokens.findIndex((word) => tokenMatcher(word, open));
  const words = openAt < 0 ? lexed.tokens : lexed.tokens.slice(0, openAt);
  const opened = lexed.tokens[openAt];
  const deep = tooDeep(words);
  if (deep) return { graphs: [], faults: [deep] };
  if (!opened && !words.some(({ tokenType }) => tokenType === digraph || tokenType === graph)) {
    const message = "There is no graph in the text; begin it with a name, as in: digraph review { … }.";
    return { graphs: [], faults: [fault("no_graph", message, { position: { line: 1, column: 1 } })] };
  }

  parser.input = words;
  parser.refused = [];
  const graphs = parser.file();
  const syntax = lexed.errors.map(({ line = 1, column = 1, offset }) =>
    fault("syntax", `${JSON.stringify(text[offset])} means nothing here; take it out, or put it in quotes.`, {
      position: { line, column },
    }),
  );
  for (const { token, message } of parser.errors) {
    const atEnd = token.tokenType === EOF;
    // Behind an open string or comment nothing can be expected.
    if (atEnd && opened) continue;
    syntax.push(fault("syntax", message, { position: atEnd ? endOf(text) : positionOf(token) }));
  }
  if (opened)
    syntax.push(fault("syntax", OPEN[opened.tokenType.name] ?? "", { position: positionOf(opened) }));
  const refused = parser.refused.filter(({ code }) => code !== "syntax");
  syntax.push(...parser.refused.filter(({ code }) => code === "syntax"));
  return { graphs: graphs ?? [], faults: [...firstOfEachLine(syntax), ...firstNotDirected(refused)] };
};

/** A draft comes only of a text without syntax errors: after one, too much of it would be guessed. */
export const parseDot = (text: string): Drafted => {
  const { length } = new TextEncoder().encode(text);
  if (length > GRAPH_TEXT_BYTES_MAX) {
    const message = `The text has ${length} bytes; the bound is ${GRAPH_TEXT_BYTES_MAX}: split the graph in two.`;
    return { faults: [fault("text_too_large", message)] };
  }
  const { graphs, faults } = readSyntax(text);
  const [graph, second] = graphs;
  if (second) {
    const message = "The text has more than one graph; send each by itself.";
    return { faults: [...faults, fault("several_graphs", message, { position: second.position })] };
  }
  if (!graph || faults.some(({ code }) => code === "syntax")) return { faults };
  const drafted = draftOfSyntax(graph);
  return { ...drafted, faults: [...faults, ...drafted.faults] };
};
