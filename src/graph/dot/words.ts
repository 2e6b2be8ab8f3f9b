/** The parser's errors in words that say what to do. Never decides what is an error. */
import { EOF, type IParserErrorMessageProvider, type IToken, type TokenType, tokenMatcher } from "chevrotain";

const KEYWORDS = new Set(["Strict", "Digraph", "Graph", "Subgraph", "Node", "Edge"]);
const SHOWN_CHARS_MAX = 40;

const found = (token: IToken | undefined): string => {
  if (!token || tokenMatcher(token, EOF)) return "the text ends";
  const image =
    token.image.length > SHOWN_CHARS_MAX ? `${token.image.slice(0, SHOWN_CHARS_MAX)}…` : token.image;
  if (KEYWORDS.has(token.tokenType.name)) return `the keyword ${image} stands (as a name it needs quotes)`;
  return `${image.startsWith('"') ? image : `"${image}"`} stands`;
};

const choices = (types: readonly (TokenType | undefined)[]): string => {
  const words = (type: TokenType) => (type === EOF ? "the end of the text" : (type.LABEL ?? type.name));
  const labels = [...new Set(types.flatMap((type) => (type ? [words(type)] : [])))];
  return labels.length > 1
    ? `${labels.slice(0, -1).join(", ")} or ${labels.at(-1)}`
    : (labels[0] ?? "nothing");
};

const expected = (types: readonly (TokenType | undefined)[], actual: IToken | undefined): string =>
  `Expected ${choices(types)} where ${found(actual)}.`;

export const syntaxWords: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected: type, actual }) => expected([type], actual),
  buildNotAllInputParsedMessage: ({ firstRedundant }) =>
    `Expected the end of the text where ${found(firstRedundant)}; the graph ends before it, perhaps by a "}" too many.`,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, actual }) =>
    expected(
      expectedPathsPerAlt.flat().map((path) => path[0]),
      actual[0],
    ),
  buildEarlyExitMessage: ({ expectedIterationPaths, actual }) =>
    expected(
      expectedIterationPaths.map((path) => path[0]),
      actual[0],
    ),
};
