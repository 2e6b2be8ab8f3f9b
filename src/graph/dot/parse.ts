/**
 * DOT text → draft, and every fault of the text that can be told from the others. Says nothing about what
 * the graph means.
 */
import { type IToken, Lexer, tokenMatcher } from "chevrotain";
import { GRAPH_GROUP_DEPTH_MAX, GRAPH_TEXT_BYTES_MAX, GRAPH_WORDS_MAX } from "../../limits.ts";
import type { Drafted } from "../draft.ts";
import { type Fault, fault } from "../fault.ts";
import { draftOfSyntax } from "./draft.ts";
import { syntaxFaults } from "./faults.ts";
import { DotParser, Enough, positionOf } from "./grammar.ts";
import type { DotGraph } from "./syntax.ts";
import { createTokens } from "./tokens.ts";

const createReader = () => {
  const { tokens, inOrderOfMatching } = createTokens();
  const lexer = new Lexer(inOrderOfMatching, { positionTracking: "onlyStart" });
  return { tokens, lexer, parser: new DotParser(tokens, inOrderOfMatching) };
};

let reader: ReturnType<typeof createReader> | undefined;

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

/** Undefined when the faults are too many to read on. */
const runParser = (parser: DotParser, words: IToken[]): DotGraph[] | undefined => {
  parser.input = words;
  parser.begin();
  try {
    return parser.file();
  } catch (cause) {
    if (cause instanceof Enough) return undefined;
    throw cause;
  }
};

const readSyntax = (text: string): { graph?: DotGraph; faults: readonly Fault[] } => {
  reader ??= createReader();
  const { tokens, lexer, parser } = reader;
  const lexed = lexer.tokenize(text).tokens;
  const last = lexed.at(-1);
  if (last?.tokenType === tokens.rest) {
    const message = `The text has more than ${GRAPH_WORDS_MAX} words and signs; split the graph in two.`;
    return { faults: [fault("text_too_large", message, { position: positionOf(last) })] };
  }
  const opened = last && tokenMatcher(last, tokens.open) ? lexed.pop() : undefined;
  const signs = lexed.filter(({ tokenType }) => tokenType === tokens.nothing);
  const words = signs.length === 0 ? lexed : lexed.filter(({ tokenType }) => tokenType !== tokens.nothing);
  const deep = tooDeep(words);
  if (deep) return { faults: [deep] };
  const begins = ({ tokenType }: IToken) => tokenType === tokens.digraph || tokenType === tokens.graph;
  if (!opened && !words.some(begins)) {
    const message = "There is no graph in the text; begin it with a name, as in: digraph review { … }.";
    return { faults: [fault("no_graph", message, { position: { line: 1, column: 1 } })] };
  }

  const [graph, second] = runParser(parser, words) ?? [];
  const wrong = syntaxFaults(text, { words, signs, opened }, parser);
  // Lets go of the words.
  parser.input = [];
  const faults = parser.undirected ? [...wrong, parser.undirected] : wrong;
  if (second) {
    const message = "The text has more than one graph; send each by itself.";
    return { faults: [...faults, fault("several_graphs", message, { position: second.position })] };
  }
  return graph && wrong.length === 0 ? { graph, faults } : { faults };
};

/** A draft comes only of a text without syntax errors: after one, too much of it would be guessed. */
export const parseDot = (text: string): Drafted => {
  const { length } = new TextEncoder().encode(text);
  if (length > GRAPH_TEXT_BYTES_MAX) {
    const message = `The text has ${length} bytes; the bound is ${GRAPH_TEXT_BYTES_MAX}: split the graph in two.`;
    return { faults: [fault("text_too_large", message)] };
  }
  const { graph, faults } = readSyntax(text.replace(/^\uFEFF/, ""));
  if (!graph) return { faults };
  const drafted = draftOfSyntax(graph);
  return { ...drafted, faults: [...faults, ...drafted.faults] };
};
