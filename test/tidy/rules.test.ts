// Without this, a rule that never finds anything would look like a tidy project.
import { expect, test } from "vitest";
import {
  fileSize,
  functionSize,
  names,
  noDefaultExports,
  noEscapes,
  noSilentSkips,
  opening,
} from "./rules/form.ts";
import { functionalCore } from "./rules/functional-core.ts";
import { importDirections } from "./rules/imports.ts";
import { type Rule, source } from "./source.ts";

const FOUND: readonly [Rule, string, string][] = [
  [importDirections, "src/a/b.ts", 'import { x } from "../../workers/gateway/app.ts";'],
  [importDirections, "src/a/b.ts", 'export { x } from "../../test/x.ts";'],
  [importDirections, "src/a/b.ts", 'import fs from "node:fs";'],
  [importDirections, "src/a/b.ts", 'type T = import("cloudflare:workers").DurableObject;'],
  [importDirections, "src/a/b.ts", 'const x = import("../../bridge/x.ts");'],
  [importDirections, "src/a/b.ts", 'import { x } from "./c";'],
  [importDirections, "workers/executor/a.ts", 'import { x } from "../control-plane/b.ts";'],
  [importDirections, "workers/data-plane/a.ts", 'import type { X } from "../executor/b.ts";'],
  [importDirections, "workers/control-plane/a.ts", 'import { x } from "../gateway/b.ts";'],
  [importDirections, "workers/gateway/a.ts", 'import { x } from "../control-plane/b.ts";'],
  [importDirections, "workers/gateway/a.ts", 'import { x } from "../executor/run.ts";'],
  [importDirections, "workers/gateway/a.ts", 'import { x } from "../local/runtime.ts";'],
  [importDirections, "workers/local/a.ts", 'import { x } from "../gateway/app.ts";'],
  [importDirections, "workers/gateway/a.ts", 'import { x } from "../index.ts";'],
  [importDirections, "workers/gateway/a.ts", 'import { x } from "../../examples/index.ts";'],
  [importDirections, "console/a.ts", 'import { x } from "../workers/gateway/app.ts";'],
  [importDirections, "bridge/a.ts", 'import { x } from "../workers/gateway/app.ts";'],
  [importDirections, "bridge/a.ts", 'import { x } from "./local/broker.ts";'],
  [functionalCore, "src/a.ts", "const f = async () => 1;"],
  [functionalCore, "src/a.ts", "const x = await y;"],
  [functionalCore, "src/a.ts", "class A { async b() {} }"],
  [functionalCore, "src/a.ts", "const x = Promise.resolve(1);"],
  [functionalCore, "src/a.ts", "const x = Date.now() as number;"],
  [functionalCore, "src/a.ts", "const x = new Date();"],
  [functionalCore, "src/a.ts", "const x = Math.random();"],
  [functionalCore, "src/a.ts", "const x = { crypto };"],
  [functionalCore, "src/a.ts", "const x = f(performance.now());"],
  [functionalCore, "src/a.ts", "setTimeout(f, 1);"],
  [functionalCore, "src/a.ts", "console.log(1);"],
  [fileSize, "src/a.ts", `${"\n".repeat(400)}x;`],
  [functionSize, "src/a.ts", `const f = () => {${"\n".repeat(70)}};`],
  [opening, "src/a.ts", "const x = 1;"],
  [opening, "src/a.ts", `${"// A line.\n".repeat(7)}const x = 1;`],
  [names, "src/helpers.ts", ""],
  [names, "src/utils/x.ts", ""],
  [names, "src/aB.ts", ""],
  [names, "src/a.ts", "interface Context {}"],
  [names, "src/a.ts", "export class Manager {}"],
  [names, "src/a.ts", "type Data = 1;"],
  [noEscapes, "test/a.ts", "const x: any = 1;"],
  [noEscapes, "src/a.ts", "const x = y!;"],
  [noDefaultExports, "src/a.ts", "export default 1;"],
  [noSilentSkips, "test/a.test.ts", 'test.skip("a", f);'],
  [noSilentSkips, "test/a.test.ts", 'test.concurrent.skip("a", f);'],
  [noSilentSkips, "test/a.test.ts", 'describe.skipIf(x)("a", f);'],
  [noSilentSkips, "test/a.test.ts", '// A reason.\ntest.only("a", f);'],
];

const ALLOWED: readonly [Rule, string, string][] = [
  [importDirections, "src/a/b.ts", 'import { x } from "../c/d.ts"; import { z } from "zod";'],
  [importDirections, "workers/gateway/a.ts", 'import { q } from "../data-plane/queries.ts";'],
  [importDirections, "workers/gateway/a.ts", 'import { registry } from "../executor/nodes.ts";'],
  [importDirections, "workers/index.ts", 'export { T } from "./control-plane/tenant-object.ts";'],
  [importDirections, "console/a.ts", 'import type { App } from "../workers/gateway/app.ts";'],
  [importDirections, "workers/executor/nodes.ts", 'import { x } from "../../examples/index.ts";'],
  [
    functionalCore,
    "src/a.ts",
    "type T = () => Promise<void>; const f = (x: Promise<1>): x is Promise<1> => true;",
  ],
  [functionalCore, "src/a.ts", "const x = new Date(at); const y = z.crypto; const w = { fetch: 1 };"],
  [functionalCore, "workers/a.ts", "const f = async () => Date.now();"],
  [functionSize, "test/a.test.ts", `const f = () => {${"\n".repeat(70)}};`],
  [opening, "src/a.ts", "/**\n * One.\n * Two.\n */\nconst x = 1;"],
  [names, "src/run-context.ts", "interface TaskContext {} const data = 1;"],
  [noEscapes, "test/a.ts", "const x = y!;"],
  [noDefaultExports, "workers/index.ts", "export default {};"],
  [noSilentSkips, "test/a.test.ts", '// The broker is not here.\ntest.skip("a", f);'],
  [noSilentSkips, "test/a.ts", "const x = page.skip(1);"],
];

const named = (cases: typeof FOUND) =>
  cases.map(([rule, path, text]) => ({ name: rule.name, rule, path, text }));

test.for(named(FOUND))("$name finds fault with $text in $path", ({ rule, path, text }) => {
  const findings = rule(source(path, text));
  expect(findings).toHaveLength(1);
  expect(findings[0]?.at).toMatch(/^[^:]+:\d+$/);
});

test.for(named(ALLOWED))("$name lets be $text in $path", ({ rule, path, text }) => {
  expect(rule(source(path, text))).toEqual([]);
});
