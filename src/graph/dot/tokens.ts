/**
 * The words of DOT, made when the first text comes and never at import: isolates start cold often. What can
 * be told apart as a common slip (an open string, a numeral run into letters) is a token of its own, so that
 * it gets a fault of its own.
 */
import { createToken, type IToken, Lexer, type TokenType } from "chevrotain";
import { GRAPH_WORDS_MAX } from "../../limits.ts";

/** `<` to its matching `>`; nothing where there is none. */
const matchHtml = (text: string, offset: number): [string] | null => {
  if (text[offset] !== "<") return null;
  let depth = 0;
  for (let i = offset; i < text.length; i++) {
    if (text[i] === "<") depth++;
    else if (text[i] === ">" && --depth === 0) return [text.slice(offset, i + 1)];
  }
  return null;
};

/** Once there are words enough, the rest of the text is one word, so that no more are made of it. */
const matchRest = (text: string, offset: number, words: readonly IToken[]): [string] | null =>
  words.length < GRAPH_WORDS_MAX ? null : [text.slice(offset)];

const ASCII = Array.from({ length: 0x80 }, (_, code) => code);

/** What an id of any form is called in a message. */
const ID = "a name or a string";
const LETTER = "a-zA-Z_\\u0080-\\uffff";

/** As GraphViz: other kinds of space are letters or nothing, and only a line feed ends a line of comment. */
const skipped = () => [
  createToken({ name: "Space", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true }),
  createToken({ name: "LineComment", pattern: /(?:\/\/|#)[^\n]*/, group: Lexer.SKIPPED }),
  createToken({
    name: "BlockComment",
    pattern: /\/\*[^*]*\*+(?:[^/*][^*]*\*+)*\//,
    group: Lexer.SKIPPED,
    line_breaks: true,
  }),
];

export const createTokens = () => {
  const open = createToken({ name: "Open", pattern: Lexer.NA });
  const badNumeral = createToken({
    name: "BadNumeral",
    label: ID,
    pattern: new RegExp(`-?(?:\\.\\d+|\\d+\\.\\d*|\\d+(?!\\.))[.${LETTER}][.${LETTER}0-9]*`),
  });
  const id = createToken({ name: "Id", label: ID, pattern: new RegExp(`[${LETTER}][${LETTER}0-9]*`) });
  const word = (name: string): TokenType =>
    createToken({ name, label: name.toLowerCase(), pattern: new RegExp(name, "i"), longer_alt: id });
  const sign = (name: string, image: string): TokenType =>
    createToken({ name, label: `"${image}"`, pattern: image });
  const tokens = {
    rest: createToken({
      name: "Rest",
      pattern: matchRest,
      line_breaks: true,
      start_chars_hint: ASCII,
      categories: open,
    }),
    open,
    openComment: createToken({
      name: "OpenComment",
      pattern: /\/\*[\s\S]*/,
      line_breaks: true,
      categories: open,
    }),
    text: createToken({
      name: "Text",
      label: ID,
      pattern: /"[^"\\]*(?:\\[\s\S][^"\\]*)*"/,
      line_breaks: true,
    }),
    openText: createToken({ name: "OpenText", pattern: /"[\s\S]*/, line_breaks: true, categories: open }),
    html: createToken({
      name: "Html",
      label: ID,
      pattern: matchHtml,
      line_breaks: true,
      start_chars_hint: ["<"],
    }),
    openHtml: createToken({ name: "OpenHtml", pattern: /<[\s\S]*/, line_breaks: true, categories: open }),
    arrow: sign("Arrow", "->"),
    line: sign("Line", "--"),
    badNumeral,
    numeral: createToken({ name: "Numeral", label: ID, pattern: /-?(?:\.\d+|\d+(?:\.\d*)?)/ }),
    strict: word("Strict"),
    digraph: word("Digraph"),
    graph: word("Graph"),
    subgraph: word("Subgraph"),
    node: word("Node"),
    edge: word("Edge"),
    id,
    openBrace: sign("OpenBrace", "{"),
    closeBrace: sign("CloseBrace", "}"),
    openBracket: sign("OpenBracket", "["),
    closeBracket: sign("CloseBracket", "]"),
    equals: sign("Equals", "="),
    semicolon: sign("Semicolon", ";"),
    comma: sign("Comma", ","),
    colon: sign("Colon", ":"),
    plus: sign("Plus", "+"),
    nothing: createToken({ name: "Nothing", pattern: /[\s\S]/, line_breaks: true, start_chars_hint: ASCII }),
  };
  return { tokens, inOrderOfMatching: [...skipped(), ...Object.values(tokens)] };
};

export type Tokens = ReturnType<typeof createTokens>["tokens"];
