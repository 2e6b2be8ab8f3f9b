/**
 * What is wrong with a text, from what the lexer and the parser stumbled over: an error for each place that an
 * author has to mend, none for what follows from another. Reads nothing itself.
 */
import { EOF, type IToken } from "chevrotain";
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

/** What the lexer makes of a text. */
export interface Lexed {
  readonly words: readonly IToken[];
  /** Signs that mean nothing in DOT. */
  readonly signs: readonly IToken[];
  /** The rest of a text behind an open string or comment. */
  readonly opened: IToken | undefined;
}

/** The end may be missing where it is seen, or to a string before. */
const openFault = (opened: IToken, words: readonly IToken[]): Fault => {
  const { name } = opened.tokenType;
  const long = words.findLast(({ image }) => image.startsWith('"') && /[^\\]\n/.test(image));
  const hint =
    name === "OpenText" && long
      ? ` Or the string of line ${long.startLine}, which runs over several lines, misses its end.`
      : "";
  return fault("syntax", `${OPEN[name]}${hint}`, { position: positionOf(opened) });
};

const signFault = (sign: IToken): Fault => {
  const message = `${JSON.stringify(sign.image)} means nothing here; take it out, or put the whole word in quotes.`;
  return fault("syntax", message, { position: positionOf(sign) });
};

const parserFaults = (text: string, { words, opened }: Lexed, parser: DotParser): Fault[] => {
  const errors = [...parser.errors.entries()];
  const inside = errors.filter(([, { token }]) => token.tokenType !== EOF);
  // A text that closes all it opens lacks nothing at its end but what recovery took for something else.
  const depth = words.reduce((sum, { image }) => sum + (image === "{" ? 1 : image === "}" ? -1 : 0), 0);
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
export const syntaxFaults = (text: string, lexed: Lexed, parser: DotParser): Fault[] => {
  const { words, signs, opened } = lexed;
  const firstSigns = new Map(signs.toReversed().map((sign) => [sign.startLine, sign]));
  const others = [...parserFaults(text, lexed, parser), ...parser.refused];
  const judged = [...others, ...strayFaults(parser.strays, others)];
  return inOrder([
    ...[...firstSigns.values()].slice(-GRAPH_SYNTAX_FAULTS_MAX).map(signFault),
    ...judged.filter(({ position }) => !firstSigns.has(position?.line)),
    ...(opened ? [openFault(opened, words)] : []),
  ]);
};
