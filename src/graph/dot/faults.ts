/**
 * What is wrong with a text, from what the lexer and the parser stumbled over: an error for each place that an
 * author has to mend, none for what follows from another. Reads nothing itself.
 */
import { EOF, type ILexingResult, type IToken } from "chevrotain";
import { GRAPH_SYNTAX_FAULTS_MAX } from "../../limits.ts";
import { type Fault, fault, inOrder, type Position } from "../fault.ts";
import { type DotParser, positionOf } from "./grammar.ts";
import { strayWords } from "./words.ts";

const endOf = (text: string): Position => {
  const lines = text.trimEnd().split(/\r\n|\r|\n/);
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
};

const OPEN: Record<string, string> = {
  OpenComment: "The comment that begins here is never closed; end it with */.",
  OpenText:
    'The string that begins here is never closed; end it with ", and write \\" for a quote inside it.',
  OpenHtml:
    'The HTML string that begins here is never closed; end it with >, close each < in it, or write a string in quotes: "…".',
};

/** The rest of a text behind an open string or comment, and where a quote was perhaps forgotten before. */
const openFault = (opened: IToken, tokens: readonly IToken[]): Fault => {
  const { name } = opened.tokenType;
  const before = tokens.slice(0, tokens.indexOf(opened));
  const long = before.findLast(({ image }) => image.startsWith('"') && /[^\\]\n/.test(image));
  const hint =
    name === "OpenText" && long
      ? ` Or the string of line ${long.startLine}, which runs over several lines, misses its end.`
      : "";
  return fault("syntax", `${OPEN[name]}${hint}`, { position: positionOf(opened) });
};

const lexerFaults = (text: string, { errors }: ILexingResult): Fault[] =>
  errors
    .slice(0, GRAPH_SYNTAX_FAULTS_MAX)
    .map(({ line = 1, column = 1, offset }) =>
      fault(
        "syntax",
        `${JSON.stringify(text[offset])} means nothing here; take it out, or put the whole word in quotes.`,
        { position: { line, column } },
      ),
    );

const parserFaults = (
  text: string,
  { tokens }: ILexingResult,
  parser: DotParser,
  opened: IToken | undefined,
): Fault[] => {
  const errors = [...parser.errors.entries()];
  const inside = errors.filter(([, { token }]) => token.tokenType !== EOF);
  // A text that closes all it opens lacks nothing at its end but what recovery took for something else.
  const depth = tokens.reduce((sum, { image }) => sum + (image === "{" ? 1 : image === "}" ? -1 : 0), 0);
  const complete = inside.length + parser.strays.length > 0 && depth <= 0;
  // Behind an open string or comment nothing can be expected.
  const told = opened || complete ? inside : errors;
  const end = endOf(text);
  const places = new Set<string>();
  // In one line only errors of several statements or attributes are surely several.
  return told.flatMap(([index, { token, message }]) => {
    const position = token.tokenType === EOF ? end : positionOf(token);
    const place = `${position.line} ${parser.partOf(index)}`;
    if (places.has(place)) return [];
    places.add(place);
    return [fault("syntax", message, { position })];
  });
};

/** What stands behind another fault in its line may be what is left of that. */
const strayFaults = (strays: readonly IToken[], others: readonly Fault[]): Fault[] => {
  const told = [...others];
  for (const token of strays) {
    const { line, column } = positionOf(token);
    if (!told.some(({ position }) => position?.line === line && position.column <= column))
      told.push(fault("syntax", strayWords(token), { position: { line, column } }));
  }
  return told.slice(others.length);
};

/** In the order of the text. Where a line has a sign that means nothing, the rest of it is not judged. */
export const syntaxFaults = (
  text: string,
  lexed: ILexingResult,
  parser: DotParser,
  opened: IToken | undefined,
): Fault[] => {
  const signs = lexerFaults(text, lexed);
  const lines = new Map(signs.toReversed().map((wrong) => [wrong.position?.line, wrong]));
  const others = [...parserFaults(text, lexed, parser, opened), ...parser.refused];
  const strays = strayFaults(parser.strays, others);
  const judged = [...others, ...strays].filter(({ position }) => !lines.has(position?.line));
  return inOrder([...lines.values(), ...judged, ...(opened ? [openFault(opened, lexed.tokens)] : [])]);
};
