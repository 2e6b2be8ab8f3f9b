/** Errors in words that say what to do. Never decides what is an error. */
import { EOF, type IParserErrorMessageProvider, type IToken, type TokenType, tokenMatcher } from "chevrotain";

const KEYWORDS = new Set(["Strict", "Digraph", "Graph", "Subgraph", "Node", "Edge"]);
const SHOWN_CHARS_MAX = 40;

/** As a message shows it. */
export const cut = (text: string): string =>
  text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;

const found = (token: IToken | undefined): string => {
  if (!token || tokenMatcher(token, EOF)) return "the text ends";
  const image = cut(token.image);
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

/** What to do about an error in a rule of the grammar, or about a brace that is not there. */
const MENDING: Record<string, string> = {
  OpenBrace:
    "write the statements of a graph or a subgraph in { }, and put a name of several words in quotes",
  CloseBrace: "close every { with a }",
  assignment:
    "write an attribute as name=value, close the attributes before it with ], and quote what is more than one word",
  attributes: "close the attributes with ], and write each as name=value",
  chain: "name what the edge leads to",
  defaults: "write the defaults behind it in [ ], or put it in quotes if it is a name",
  file: "begin a graph with digraph, or take this out",
  graph: "begin with digraph, a name, in quotes if it is more than one word, and the statements in { }",
  id: "write a name or a value, in quotes unless it is one word or a numeral",
  nodes: "a list is of nodes alone",
  string: "join a string with another one in quotes",
};

const STRAYS: Record<string, string> = {
  Arrow: "an edge begins with a node or a group, and its attributes stand behind the last of its nodes",
  OpenBracket: "attributes stand behind a node, an edge, or one of the words node, edge and graph",
  CloseBracket: "take it out, or open the attributes before it with [",
  Equals: "an attribute is one name and one value; put a value of several words in quotes",
  Semicolon: "one ; ends a statement, so take this one out",
  Comma: "a list is of nodes alone, so write the edges of a group by themselves",
  Colon: "behind a node stand one port and one compass point at most; put a name with a colon in quotes",
  Plus: "only strings in quotes are joined",
};

export const strayWords = (token: IToken): string => {
  const mending = STRAYS[token.tokenType.name === "Line" ? "Arrow" : token.tokenType.name];
  return `No statement begins with "${token.image}"; ${mending}.`;
};

const expected = (
  types: readonly (TokenType | undefined)[],
  actual: IToken | undefined,
  rule: string,
): string => {
  const place = rule === "block" ? types[0]?.name : rule;
  const what = rule === "chain" ? "a node or a group" : choices(types);
  const mending = MENDING[place ?? ""];
  return `Expected ${what} where ${found(actual)}${mending ? `; ${mending}` : ""}.`;
};

export const syntaxWords: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected: type, actual, ruleName }) => expected([type], actual, ruleName),
  buildNotAllInputParsedMessage: ({ firstRedundant }) =>
    `Expected the end of the text where ${found(firstRedundant)}; the graph ends before it, perhaps by a "}" too many.`,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, actual, ruleName }) =>
    expected(
      expectedPathsPerAlt.flat().map((path) => path[0]),
      actual[0],
      ruleName,
    ),
  buildEarlyExitMessage: ({ expectedIterationPaths, actual, ruleName }) =>
    expected(
      expectedIterationPaths.map((path) => path[0]),
      actual[0],
      ruleName,
    ),
};
