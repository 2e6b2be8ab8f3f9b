// A source file as the tidy rules see it: its text, its syntax tree, and a walk over that.
import { globSync, readFileSync } from "node:fs";
import { parseAst } from "rolldown/parseAst";

export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

export interface Finding {
  /** path:line. */
  readonly at: string;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

export type Rule = (source: Source) => readonly Finding[];

export interface Source {
  /** From the root of the project. */
  readonly path: string;
  readonly text: string;
  readonly program: SyntaxNode;
  finding(position: number, message: string): Finding;
}

const GENERATED = /^src\/wire\/gen\//;
const FOLDERS = "{src,workers,bridge,console,examples,test}/**/*.{ts,tsx}";

export const source = (path: string, text: string): Source => ({
  path,
  text,
  program: parseAst(text, { lang: path.endsWith("x") ? "tsx" : "ts" }, path) as unknown as SyntaxNode,
  finding: (position, message) => ({ at: `${path}:${text.slice(0, position).split("\n").length}`, message }),
});

export const allSources = (): readonly Source[] =>
  globSync([FOLDERS, "*.ts"])
    .filter((path) => !GENERATED.test(path) && !path.endsWith(".d.ts") && !path.includes("node_modules"))
    .sort()
    .map((path) => source(path, readFileSync(path, "utf8")));

export const isNode = (value: unknown): value is SyntaxNode =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

/** Every node, with what it lies in; `false` from `visit` leaves out what is in it. */
export const walk = (
  node: SyntaxNode,
  // biome-ignore lint/suspicious/noConfusingVoidType: most visits say nothing.
  visit: (node: SyntaxNode, parent: SyntaxNode | undefined, key: string) => false | void,
  parent?: SyntaxNode,
  key = "",
): void => {
  if (visit(node, parent, key) === false) return;
  for (const [name, value] of Object.entries(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (isNode(child)) walk(child, visit, node, name);
};
