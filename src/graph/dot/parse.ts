/**
 * DOT text → draft, and every fault of the text that can be told from the others. Says nothing about what
 * the graph means.
 */
import { EOF, type IToken, Lexer, tokenMatcher } from "chevrotain";
import { GRAPH_GROUP_DEPTH_MAX, GRAPH_SYNTAX_FAULTS_MAX, GRAPH_TEXT_BYTES_MAX } from "../../limits.ts";
import type { Drafted } from "../draft.ts";
import { type Fault, fault, inOrder, type Position } from "../fault.ts";
import { draftOfSyntax } from "./draft.ts";
import { DotParser, Enough, positionOf } from "./grammar.ts";
import type { DotGraph } from "./syntax.ts";
import { createTokens } from "./tokens.ts";

const createReader = () => {
  const { tokens, inOrderOfMatching } = createTokens();
  const lexer = new Lexer(inOrderOfMatching, { positionTracking: "onlyStart" });
  return { tokens, lexer, parser: new DotParser(tokens, inOrderOfMatching) };
};

type Reader = ReturnType<typeof createReader>;

let reader: Reader | undefined;

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
    'The HTML string that begins here is never closed; end it with >, close each < in it, or write a string in quotes: "…".',
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

/** Undefined when the faults are too many to read on. */
const runParser = (parser: DotParser, words: IToken[]): DotGraph[] | undefined => {
  parser.input = words;
  parser.refused = [];
  try {
    return parser.file();
  } catch (cause) {
    if (cause instanceof Enough) return undefined;
    throw cause;
  }
};

const syntaxFaults = (
  text: string,
  lexed: ReturnType<Reader["lexer"]["tokenize"]>,
  parser: DotParser,
  opened: IToken | undefined,
): Fault[] => {
  const faults = lexed.errors.slice(0, GRAPH_SYNTAX_FAULTS_MAX).map(({ line = 1, column = 1, offset }) =>
    fault("syntax", `${JSON.stringify(text[offset])} means nothing here; take it out, or put it in quotes.`, {
      position: { line, column },
    }),
  );
  for (const { token, message } of parser.errors) {
    const atEnd = token.tokenType === EOF;
    // Behind an open string or comment nothing can be expected.
    if (atEnd && opened) continue;
    faults.push(fault("syntax", message, { position: atEnd ? endOf(text) : positionOf(token) }));
  }
  if (opened)
    faults.push(fault("syntax", OPEN[opened.tokenType.name] ?? "", { position: positionOf(opened) }));
  return faults;
};

const readSyntax = (text: string): { graph?: DotGraph; faults: readonly Fault[] } => {
  reader ??= createReader();
  const { tokens, lexer, parser } = reader;
  const lexed = lexer.tokenize(text);
  const opened = lexed.tokens.find((word) => tokenMatcher(word, tokens.open));
  const words = opened ? lexed.tokens.slice(0, lexed.tokens.indexOf(opened)) : lexed.tokens;
  const deep = tooDeep(words);
  if (deep) return { faults: [deep] };
  const begins = ({ tokenType }: IToken) => tokenType === tokens.digraph || tokenType === tokens.graph;
  if (!opened && !words.some(begins)) {
    const message = "There is no graph in the text; begin it with a name, as in: digraph review { … }.";
    return { faults: [fault("no_graph", message, { position: { line: 1, column: 1 } })] };
  }

  const [graph, second] = runParser(parser, words) ?? [];
  const { syntax = [], other = [] } = Object.groupBy(parser.refused, ({ code }) =>
    code === "syntax" ? "syntax" : "other",
  );
  const wrong = firstOfEachLine([...syntaxFaults(text, lexed, parser, opened), ...syntax]);
  const faults = [...wrong, ...firstNotDirected(other)];
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
