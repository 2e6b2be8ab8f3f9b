/**
 * The grammar of DOT, which is GraphViz's. It also reads graphs that are not directed, so that they are refused
 * in words of their own and the rest of the text is still understood. Makes syntax, never meaning.
 */
import { EmbeddedActionsParser, type IToken, type TokenType } from "chevrotain";
import { GRAPH_SYNTAX_FAULTS_MAX } from "../../limits.ts";
import { type Fault, fault, type Position } from "../fault.ts";
import type { Assignment, DotGraph, EdgeEnd, Group, Id, Nodes, Statement } from "./syntax.ts";
import type { Tokens } from "./tokens.ts";
import { cut, syntaxWords } from "./words.ts";

export const positionOf = (token: IToken): Position => ({
  line: token.startLine ?? 1,
  column: token.startColumn ?? 1,
});

/** Of a quoted string only \" is an escape, and a backslash at the end of a line joins it with the next. */
const unquoted = (image: string): string =>
  image.slice(1, -1).replace(/\\(\r\n|[\s\S])/g, (pair, next: string) => {
    if (next === '"') return '"';
    return next.endsWith("\n") ? "" : pair;
  });

/** Leaves the parser when there are faults enough. */
export class Enough extends Error {}

export class DotParser extends EmbeddedActionsParser {
  /** Of the text that was read last: what was understood and is an error all the same. */
  refused: Fault[] = [];
  /** Told once, not at each edge. */
  undirected: Fault | undefined;
  /** Signs that stand where a statement has to begin. */
  strays: IToken[] = [];
  /** How many errors there were when a statement or an attribute began, wherever there was a new one. */
  #counts: number[] = [];
  readonly #tokens: Tokens;

  constructor(tokens: Tokens, vocabulary: TokenType[]) {
    super(vocabulary, { recoveryEnabled: true, maxLookahead: 2, errorMessageProvider: syntaxWords });
    this.#tokens = tokens;
    this.performSelfAnalysis();
  }

  begin(): void {
    this.refused = [];
    this.undirected = undefined;
    this.strays = [];
    this.#counts = [];
  }

  /** Errors of one statement, or of one attribute, have one number. */
  partOf(error: number): number {
    return this.#counts.filter((count) => count <= error).length;
  }

  /** ACTION, because the rules are also walked once without a text. */
  #notDirected(token: IToken, message: string): void {
    this.ACTION(() => {
      this.undirected ??= fault("not_directed", message, { position: positionOf(token) });
    });
  }

  #refuse(token: IToken, message: string): void {
    this.ACTION(() => this.refused.push(fault("syntax", message, { position: positionOf(token) })));
  }

  #stopWhenEnough(): void {
    this.ACTION(() => {
      const count = this.errors.length + this.refused.length + this.strays.length;
      if (count >= GRAPH_SYNTAX_FAULTS_MAX) throw new Enough();
    });
  }

  #nextPart(): void {
    this.ACTION(() => {
      const { length } = this.errors;
      if (length > (this.#counts.at(-1) ?? 0)) this.#counts.push(length);
    });
  }

  readonly file = this.RULE("file", (): DotGraph[] => {
    const graphs: DotGraph[] = [];
    this.MANY(() => graphs.push(this.SUBRULE(this.#graph)));
    return graphs;
  });

  readonly #graph = this.RULE("graph", (): DotGraph => {
    const t = this.#tokens;
    const strict = this.OPTION(() => this.CONSUME(t.strict)) !== undefined;
    const keyword = this.OR([
      { ALT: () => this.CONSUME(t.digraph) },
      {
        ALT: () => {
          const graph = this.CONSUME(t.graph);
          this.#notDirected(graph, "A graph is directed; write digraph, and -> for every --.");
          return graph;
        },
      },
    ]);
    const id = this.OPTION1(() => this.SUBRULE(this.#id));
    const statements = this.SUBRULE(this.#block);
    return { id, strict, statements, position: positionOf(keyword) };
  });

  readonly #block = this.RULE("block", (): Statement[] => {
    const t = this.#tokens;
    const statements: Statement[] = [];
    this.CONSUME(t.openBrace);
    this.MANY(() =>
      this.OR([
        {
          ALT: () => {
            statements.push(this.SUBRULE(this.#statement));
            this.OPTION(() => this.CONSUME(t.semicolon));
          },
        },
        { ALT: () => this.SUBRULE(this.#stray) },
      ]),
    );
    this.CONSUME(t.closeBrace);
    return statements;
  });

  /** Read over, so that the statements behind it are read too. */
  readonly #stray = this.RULE("stray", (): void => {
    this.#stopWhenEnough();
    const token = this.LA(1);
    this.ACTION(() => this.strays.push(token));
    const t = this.#tokens;
    const signs = [
      t.arrow,
      t.line,
      t.openBracket,
      t.closeBracket,
      t.equals,
      t.semicolon,
      t.comma,
      t.colon,
      t.plus,
    ];
    this.OR(signs.map((sign) => ({ ALT: () => this.CONSUME(sign) })));
  });

  readonly #statement = this.RULE("statement", (): Statement => {
    this.#stopWhenEnough();
    this.#nextPart();
    const assignment = (): Statement => ({ form: "assignment", assignment: this.SUBRULE(this.#assignment) });
    return this.OR([
      { ALT: () => this.SUBRULE(this.#defaults) },
      { GATE: () => this.#assigns(), ALT: assignment, IGNORE_AMBIGUITIES: true },
      { ALT: () => this.SUBRULE(this.#chain) },
    ]);
  });

  /** An id of joined strings may be long, so the sign behind it is looked for. */
  #assigns(): boolean {
    let ahead = 2;
    while (this.LA(ahead).tokenType === this.#tokens.plus) ahead += 2;
    return this.LA(ahead).tokenType === this.#tokens.equals;
  }

  readonly #defaults = this.RULE("defaults", (): Statement => {
    const t = this.#tokens;
    const of: "graph" | "node" | "edge" = this.OR([
      { ALT: () => this.CONSUME(t.graph) && ("graph" as const) },
      { ALT: () => this.CONSUME(t.node) && ("node" as const) },
      { ALT: () => this.CONSUME(t.edge) && ("edge" as const) },
    ]);
    const attributes: Assignment[] = [];
    this.AT_LEAST_ONE(() => this.SUBRULE(this.#attributes, { ARGS: [attributes] }));
    return { form: "defaults", of, attributes };
  });

  readonly #chain = this.RULE("chain", (): Statement => {
    const t = this.#tokens;
    const ends: EdgeEnd[] = [this.SUBRULE(this.#end)];
    this.MANY(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.arrow) },
        {
          ALT: () => {
            const line = this.CONSUME(t.line);
            this.#notDirected(line, "An edge is directed; write -> for --.");
          },
        },
      ]);
      ends.push(
        this.OR1([{ ALT: () => this.SUBRULE(this.#keyword) }, { ALT: () => this.SUBRULE1(this.#end) }]),
      );
    });
    const attributes: Assignment[] = [];
    this.MANY1(() => this.SUBRULE(this.#attributes, { ARGS: [attributes] }));
    return { form: "chain", ends, attributes };
  });

  readonly #end = this.RULE("end", (): EdgeEnd => {
    this.#stopWhenEnough();
    return this.OR([{ ALT: () => this.SUBRULE(this.#group) }, { ALT: () => this.SUBRULE(this.#nodes) }]);
  });

  /** Read as the name that it was meant for; a statement may begin behind it. */
  readonly #keyword = this.RULE("keyword", (): Nodes => {
    const t = this.#tokens;
    const words = [t.node, t.edge, t.graph, t.digraph, t.strict];
    const word = this.OR(words.map((keyword) => ({ ALT: () => this.CONSUME(keyword) })));
    this.#refuse(
      word,
      `${word.image} is a keyword; as the name of a node write it in quotes: "${word.image}".`,
    );
    return { form: "nodes", ids: [this.#plainId(word)] };
  });

  readonly #nodes = this.RULE("nodes", (): Nodes => {
    // Not pushed: an array that grows has room for more, and most lists are of one node.
    const ids = [this.SUBRULE(this.#id)];
    this.OPTION(() => this.SUBRULE(this.#port));
    this.MANY(() => {
      this.CONSUME(this.#tokens.comma);
      ids.push(this.SUBRULE1(this.#id));
      this.OPTION1(() => this.SUBRULE1(this.#port));
    });
    return { form: "nodes", ids };
  });

  /** Where the drawing of a node is touched: it says nothing here. */
  readonly #port = this.RULE("port", (): void => {
    const t = this.#tokens;
    this.CONSUME(t.colon);
    this.SUBRULE(this.#id);
    this.OPTION(() => {
      this.CONSUME1(t.colon);
      this.SUBRULE1(this.#id);
    });
  });

  readonly #group = this.RULE("group", (): Group => {
    const t = this.#tokens;
    let name: Id | undefined;
    this.OPTION(() => {
      this.CONSUME(t.subgraph);
      name = this.OPTION1(() => this.SUBRULE(this.#id));
    });
    const position = positionOf(this.LA(1));
    return { form: "group", name, statements: this.SUBRULE(this.#block), position };
  });

  readonly #attributes = this.RULE("attributes", (attributes: Assignment[]): void => {
    const t = this.#tokens;
    this.CONSUME(t.openBracket);
    this.MANY(() => {
      this.#nextPart();
      const assignment = this.SUBRULE(this.#assignment);
      this.ACTION(() => attributes.push(assignment));
      this.OPTION(() =>
        this.OR([{ ALT: () => this.CONSUME(t.comma) }, { ALT: () => this.CONSUME(t.semicolon) }]),
      );
    });
    this.CONSUME(t.closeBracket);
  });

  readonly #assignment = this.RULE("assignment", (): Assignment => {
    const name = this.SUBRULE(this.#id);
    this.CONSUME(this.#tokens.equals);
    return { name, value: this.SUBRULE1(this.#id) };
  });

  readonly #id = this.RULE("id", (): Id => {
    const t = this.#tokens;
    this.#stopWhenEnough();
    return this.OR([
      { ALT: () => this.#plainId(this.CONSUME(t.id)) },
      { ALT: () => this.#plainId(this.CONSUME(t.numeral)) },
      { ALT: () => this.SUBRULE(this.#strings) },
      {
        ALT: () => {
          const numeral = this.CONSUME(t.badNumeral);
          const image = cut(numeral.image);
          this.#refuse(numeral, `${image} is neither a name nor a numeral; write it in quotes: "${image}".`);
          return this.#plainId(numeral);
        },
      },
    ]);
  });

  readonly #strings = this.RULE("strings", (): Id => {
    const first = this.SUBRULE(this.#string);
    const more: string[] = [];
    this.MANY(() => {
      this.CONSUME(this.#tokens.plus);
      const { value } = this.SUBRULE1(this.#string);
      this.ACTION(() => more.push(value));
    });
    return more.length === 0 ? first : { value: [first.value, ...more].join(""), position: first.position };
  });

  readonly #string = this.RULE(
    "string",
    (): Id => {
      const t = this.#tokens;
      return this.OR([
        {
          ALT: () => {
            const text = this.CONSUME(t.text);
            return { value: unquoted(text.image), position: positionOf(text) };
          },
        },
        {
          ALT: (): Id => {
            const html = this.CONSUME(t.html);
            return { value: html.image.slice(1, -1), html: true, position: positionOf(html) };
          },
        },
      ]);
    },
    { recoveryValueFunc: () => ({ value: "", position: positionOf(this.LA(1)) }) },
  );

  #plainId(token: IToken): Id {
    return { value: token.image, position: positionOf(token) };
  }
}
