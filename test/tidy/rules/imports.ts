// Who may import whom: the core looks at nothing outside it, and planes do not look at each other.

import { dirname } from "node:path";
import { join } from "node:path/posix";
import { isNode, type Rule, type Source, type SyntaxNode, walk } from "../source.ts";

interface Import {
  readonly node: SyntaxNode;
  /** What is written; `target` is the path from the root of the project, undefined for a package. */
  readonly written: string;
  readonly target: string | undefined;
  readonly typeOnly: boolean;
}

const importsOf = (source: Source): readonly Import[] => {
  const found: Import[] = [];
  walk(source.program, (node) => {
    if (!/^(Import(Declaration|Expression)|Export(Named|All)Declaration|TSImportType)$/.test(node.type))
      return;
    const written = isNode(node.source) ? node.source.value : undefined;
    if (typeof written !== "string") return;
    const target = written.startsWith(".") ? join(dirname(source.path), written) : undefined;
    const typeOnly = node.importKind === "type" || node.exportKind === "type" || node.type === "TSImportType";
    found.push({ node, written, target, typeOnly });
  });
  return found;
};

const PLANES = ["control-plane", "data-plane", "executor"];
const planeOf = (path: string) => /^workers\/([^/]+)\//.exec(path)?.[1] ?? "";
const isTest = (path: string) => path.startsWith("test/");

/** From the importing file and its import to what is wrong with it. */
const REFUSALS: readonly ((from: string, wanted: Import) => string | undefined | false)[] = [
  (from, { target }) =>
    from.startsWith("src/") &&
    target !== undefined &&
    !target.startsWith("src/") &&
    "src imports nothing outside src. Pass in what it needs as a value or a port.",
  (from, { written }) =>
    from.startsWith("src/") &&
    /^(node:|cloudflare:|wrangler|miniflare)/.test(written) &&
    "src runs anywhere and imports no platform. Move the part that needs it to workers/ or bridge/.",
  (from, { target = "" }) =>
    PLANES.includes(planeOf(from)) &&
    PLANES.includes(planeOf(target)) &&
    planeOf(from) !== planeOf(target) &&
    "A plane imports no other plane. Put what both need in src/, and let workers/index.ts compose.",
  (from, { target = "" }) =>
    PLANES.includes(planeOf(from)) &&
    planeOf(target) === "gateway" &&
    "A plane does not know the gateway. Turn the dependency round.",
  (from, { target = "" }) =>
    planeOf(from) === "gateway" &&
    (planeOf(target) === "control-plane" ||
      (planeOf(target) === "executor" && target !== "workers/executor/nodes.ts")) &&
    "The gateway imports the data plane and executor/nodes.ts only. It reaches the tenant object by its binding.",
  (from, { target }) =>
    target === "workers/index.ts" && !isTest(from) && "Only the platform starts at workers/index.ts.",
  (from, { target = "" }) =>
    target.startsWith("workers/local/") &&
    !/^((workers|bridge)\/local|test|examples\/demo)\//.test(from) &&
    "workers/local starts the runtime on one machine; nothing that is deployed imports it.",
  (from, { target = "" }) =>
    target.startsWith("bridge/local/") &&
    !/^(bridge\/local|test|examples\/demo)\//.test(from) &&
    "bridge/local starts a broker on one machine; nothing that is deployed imports it.",
  (from, { target = "" }) =>
    /^workers\/local\//.test(from) &&
    /^(workers\/(?!local\/)|src\/|examples\/)/.test(target) &&
    "workers/local starts the bundle and imports nothing of it.",
  (from, { target = "" }) =>
    target.startsWith("examples/") &&
    !/^(examples|test)\//.test(from) &&
    from !== "workers/executor/nodes.ts" &&
    "Only workers/executor/nodes.ts, the list of this deployment's nodes, imports the examples.",
  (from, { target }) =>
    target?.startsWith("test/") === true &&
    !isTest(from) &&
    from !== "vitest.config.ts" &&
    "Only tests import tests.",
  (from, { target, typeOnly }) =>
    from.startsWith("console/") &&
    target?.startsWith("console/") === false &&
    !typeOnly &&
    "The console imports types only from outside it. Write `import type`.",
  (from, { target }) =>
    from.startsWith("bridge/") &&
    target !== undefined &&
    !/^(bridge|src)\//.test(target) &&
    !(from.startsWith("bridge/local/") && target.startsWith("workers/local/")) &&
    "The bridge imports src and itself.",
  (_, { written, target }) =>
    target !== undefined &&
    !/\.[a-z]+$/.test(written) &&
    `Write the extension: "${written}.ts". Node and the bundler read the same path.`,
];

export const importDirections: Rule = (source) =>
  importsOf(source).flatMap((wanted) => {
    const message = REFUSALS.map((refusal) => refusal(source.path, wanted)).find(Boolean);
    return message ? [source.finding(wanted.node.start, `imports "${wanted.written}". ${message}`)] : [];
  });
