// The form of a file: its size, its opening, its names, and what it does not contain.
import { isNode, type Rule, walk } from "../source.ts";

const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const OPENING_LINES_MAX = 6;

const lines = (text: string): number => text.trimEnd().split("\n").length;
const isTest = (path: string): boolean => path.endsWith(".test.ts");

export const fileSize: Rule = (source) => {
  const count = lines(source.text);
  if (count <= FILE_LINES_MAX) return [];
  return [source.finding(0, `has ${count} lines, over ${FILE_LINES_MAX}. Split it by noun or verb.`)];
};

export const functionSize: Rule = (source) => {
  // A test file's `describe` is a chapter, not a function.
  if (isTest(source.path)) return [];
  const found: ReturnType<Rule>[number][] = [];
  walk(source.program, (node) => {
    if (!/^(Function(Declaration|Expression)|ArrowFunctionExpression)$/.test(node.type)) return;
    const count = lines(source.text.slice(node.start, node.end));
    if (count > FUNCTION_LINES_MAX)
      found.push(
        source.finding(node.start, `is a function of ${count} lines, over ${FUNCTION_LINES_MAX}. Split it.`),
      );
  });
  return found;
};

export const opening: Rule = (source) => {
  const text = source.text.replace(/^#!.*\n/, "");
  const comment = /^(\/\*[\s\S]*?\*\/|(\/\/.*\n)+)/.exec(text)?.[0];
  if (comment === undefined)
    return [source.finding(0, "opens without a comment. Say what the file owns and what it never does.")];
  const said = comment.split("\n").filter((line) => /[^\s/*]/.test(line)).length;
  if (said <= OPENING_LINES_MAX) return [];
  return [
    source.finding(
      0,
      `opens with ${said} lines of comment, over ${OPENING_LINES_MAX}. Move the rest to docs/.`,
    ),
  ];
};

const BANNED =
  /^(handlers?|helpers?|managers?|services?|utils?|utilit(y|ies)|common|base|misc|data|infos?|contexts?)$/i;
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|config))?\.tsx?$/;

export const names: Rule = (source) => {
  const file = source.path.split("/").at(-1) ?? "";
  const found: ReturnType<Rule>[number][] = [];
  if (!FILE_NAME.test(file)) found.push(source.finding(0, "is not named in kebab-case. Rename the file."));
  for (const part of source.path.split("/")) {
    if (BANNED.test(part.replace(/\..*$/, "")))
      found.push(source.finding(0, `is named "${part}". Name it for the noun or verb inside.`));
  }
  walk(source.program, (node) => {
    if (!/^(TSInterface|TSTypeAlias|Class)Declaration$/.test(node.type)) return;
    const name = isNode(node.id) ? String(node.id.name) : "";
    if (BANNED.test(name))
      found.push(
        source.finding(node.start, `declares "${name}". Say of what, in a whole word of the field.`),
      );
  });
  return found;
};

export const noEscapes: Rule = (source) => {
  const found: ReturnType<Rule>[number][] = [];
  const strict = /^(src|workers|bridge|console)\//.test(source.path);
  walk(source.program, (node) => {
    if (node.type === "TSAnyKeyword")
      found.push(source.finding(node.start, "says `any`. Say `unknown`, and narrow it."));
    if (strict && node.type === "TSNonNullExpression")
      found.push(
        source.finding(node.start, "asserts that a value is there. Check it, or make the type say so."),
      );
  });
  return found;
};

const MAY_EXPORT_DEFAULT =
  /^(workers\/index|test\/bench\/floor\/worker|test\/bridge\/small\/worker|[a-z.]+\.config)\.ts$/;

export const noDefaultExports: Rule = (source) => {
  if (MAY_EXPORT_DEFAULT.test(source.path)) return [];
  const found: ReturnType<Rule>[number][] = [];
  walk(source.program, (node) => {
    if (node.type === "ExportDefaultDeclaration")
      found.push(source.finding(node.start, "exports a default. Export it by its name."));
  });
  return found;
};

const TEST_NAMES = new Set(["test", "it", "describe", "suite"]);

/** `test.only` and `test.skip`, also further along a chain such as `test.concurrent.skip`. */
export const noSilentSkips: Rule = (source) => {
  const found: ReturnType<Rule>[number][] = [];
  const all = source.text.split("\n");
  walk(source.program, (node) => {
    if (node.type !== "MemberExpression" || !isNode(node.property)) return;
    const name = String(node.property.name);
    const root = source.text.slice(node.start, node.end).split(/[.(]/)[0] ?? "";
    if (!TEST_NAMES.has(root)) return;
    const line = source.text.slice(0, node.start).split("\n").length;
    if (name === "only") found.push(source.finding(node.start, "runs only itself. Take `.only` away."));
    const reason = /^\s*(\/\/|\*\/|\/\*)/.test(all[line - 2] ?? "");
    if (/^(skip|skipIf|runIf|todo|fails)$/.test(name) && !reason)
      found.push(
        source.finding(node.start, `is a .${name} without a reason. Say why in the comment above it.`),
      );
  });
  return found;
};
