/**
 * Random texts in DOT, from random syntax in random spelling: few names, so that they meet again, in every way in
 * which an id can be written, with comments and white space wherever they may stand.
 */
import fc from "fast-check";

type Words = readonly string[];
type Arbitrary = fc.Arbitrary<Words>;

const one = (...words: string[]): Arbitrary => fc.constantFrom(...words).map((word) => [word]);
const nothing: Arbitrary = fc.constant([]);
const maybe = (words: Arbitrary): Arbitrary => fc.oneof(nothing, words);
const all = (...parts: Arbitrary[]): Arbitrary => fc.tuple(...parts).map((words) => words.flat());
const many = (part: Arbitrary, minLength: number, maxLength: number, between = nothing): Arbitrary =>
  fc
    .array(fc.tuple(between, part), { minLength, maxLength })
    .map((parts) => parts.flatMap(([sign, words], index) => (index === 0 ? words : [...sign, ...words])));
const anyCase = (word: string): Arbitrary =>
  fc
    .array(fc.boolean(), { minLength: word.length, maxLength: word.length })
    .map((upper) => [[...word].map((letter, i) => (upper[i] ? letter.toUpperCase() : letter)).join("")]);

const pieces = (...choices: string[]) =>
  fc.array(fc.constantFrom(...choices), { maxLength: 5 }).map((chosen) => chosen.join(""));
const quoted = pieces(
  "a",
  " ",
  "\n",
  "\\\n",
  '\\"',
  "\\\\",
  "\\n",
  "{",
  "]",
  "/*",
  "//",
  "#",
  "<",
  ";",
  "é🙂",
);
const html = pieces("a", " ", "\n", "\\", '"', "<b>x</b>", "<br/>", "<<>>", "&amp;", "/*", "#");
/** GraphViz itself breaks over a name with an empty first line, so a letter comes first. */
const string = fc.oneof(
  quoted.map((text) => [`"q${text}"`]),
  html.map((text) => [`<q${text}>`]),
);
const joined = many(string, 1, 3, one("+"));

/** One of few names, spelled in any way. */
const spelled = (...names: string[]): Arbitrary =>
  fc.constantFrom(...names).chain((name) => {
    const half = name.length >> 1;
    return fc.oneof(
      { weight: 4, arbitrary: fc.constant([name]) },
      fc.constant([`"${name}"`]),
      fc.constant([`"${name.slice(0, half)}\\\n${name.slice(half)}"`]),
      fc.constant([`"${name.slice(0, half)}"`, "+", `"${name.slice(half)}"`]),
    );
  });

const name = fc.oneof(
  { weight: 12, arbitrary: spelled("a", "b", "c", "bc", "déjà_vu", "-1.5", ".5", "7.") },
  one('"node"', '""', "<b>", "<>"),
  joined,
);
const attribute = all(
  fc.oneof({ weight: 6, arbitrary: spelled("x", "y", "zz") }, one("key", '"é f"')),
  one("="),
  fc.oneof(spelled("1", "two", "-.5"), one('""'), joined),
);
const attributes = all(one("["), many(all(attribute, one(",", ";", " ")), 0, 3), one("]"));
const attributeLists = many(attributes, 0, 2);
const port = all(one(":"), name, maybe(all(one(":"), one("n", "sw", "_", '"c"'))));
const nodes = many(all(name, maybe(port)), 1, 3, one(","));
const defaults = all(fc.oneof(anyCase("node"), anyCase("edge"), anyCase("graph")), many(attributes, 1, 2));

const { group } = fc.letrec<{ group: Words; statement: Words; end: Words }>((tie) => ({
  group: all(
    maybe(all(anyCase("subgraph"), maybe(spelled("s", "t", "a")))),
    one("{"),
    fc
      .array(tie("statement"), { maxLength: 4, depthIdentifier: "group" })
      .map((statements) => statements.flat()),
    one("}"),
  ),
  end: fc.oneof({ depthIdentifier: "group", depthSize: "small" }, nodes, tie("group")),
  statement: fc
    .oneof(
      { depthIdentifier: "group", depthSize: "small" },
      all(nodes, attributeLists),
      attribute.filter(([first]) => first !== "key"),
      defaults,
      all(many(tie("end"), 2, 4, one("->")), attributeLists),
      all(tie("group"), attributeLists),
    )
    .chain((words) => all(fc.constant(words), one(";", " "))),
}));

const words: Arbitrary = all(
  maybe(anyCase("strict")),
  anyCase("digraph"),
  maybe(name),
  group.map((text) => text.slice(text.indexOf("{"))),
);

const GAPS = [" ", "\n", "\r\n\t", ' /* } ] " */ ', ' // " {\n', " # 'x' ->\n", "\n# <\n", "/**/"];
const TIGHT = new Set([..."{}[]=;,", "->"]);

/** In a group of a strict graph GraphViz makes a second edge for another key; to us that is a fault. */
const withoutKeys = (text: Words): Words =>
  /^strict$/i.test(text[0] ?? "") ? text.map((word) => (word === "key" ? "k" : word)) : text;

/** A gap may be empty where a sign stands on one of its sides. */
const written = (text: Words, gaps: readonly number[]): string =>
  withoutKeys(text)
    .map((word, i) => {
      const tight = TIGHT.has(word) || TIGHT.has(text[i - 1] ?? "");
      const gap = gaps[i % gaps.length] ?? 0;
      return (tight && gap >= GAPS.length ? "" : GAPS[gap % GAPS.length]) + word;
    })
    .join("");

const gaps = fc.array(fc.nat(2 * GAPS.length - 1), { minLength: 1, maxLength: 40 });

export const arbitraryText: fc.Arbitrary<string> = fc.tuple(words, gaps).map(([text, g]) => written(text, g));

/** With one word gone, doubled or put in. Braces stay: of what stands behind a graph GraphViz says nothing. */
export const arbitraryMistake: fc.Arbitrary<string> = fc
  .tuple(
    words,
    gaps,
    fc.nat(),
    fc.option(
      fc.constantFrom(
        "->",
        "--",
        ",",
        ";",
        ":",
        "=",
        "+",
        "[",
        "]",
        "node",
        "strict",
        "a",
        '"b"',
        "<c>",
        "1",
        "@",
      ),
    ),
  )
  .map(([text, g, at, inserted]) => {
    const places = text.flatMap((word, index) => (/^[{}]$/.test(word) ? [] : [index]));
    const place = places[at % places.length] ?? 0;
    return written(
      text.toSpliced(place, inserted === null ? 1 : 0, ...(inserted === null ? [] : [inserted])),
      g,
    );
  });
