// `npm run check`: everything that can be said about the project without running it. Goes on after a failure, so
// that one run names all that is to be mended.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const env = {
  ...process.env,
  NO_COLOR: "1",
  WRANGLER_SEND_METRICS: "false",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
};

/** The output of a command that failed; undefined when it passed. */
const run = (command: string, ...args: readonly string[]): string | undefined => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8", env });
  if (error) return `${error.message}. Run this as \`npm run check\`.`;
  return status === 0 ? undefined : `${stdout}${stderr}`;
};

const inTemporaryFolder = (act: (folder: string) => string | undefined): string | undefined => {
  const folder = mkdtempSync(join(tmpdir(), "escapement-check-"));
  try {
    return act(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Files below a folder, by their path in it. */
const files = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => [path.slice(folder.length + 1), readFileSync(path, "utf8")]),
  );

const differences = (kept: string, fresh: string): readonly string[] => {
  const [a, b] = [files(kept), files(fresh)];
  return [...new Set([...a.keys(), ...b.keys()])].filter((path) => a.get(path) !== b.get(path)).sort();
};

const generated = (): string | undefined =>
  inTemporaryFolder((folder) => {
    const failed = run("buf", "generate", "--output", folder);
    if (failed !== undefined) return failed;
    const differing = differences("src/wire/gen", join(folder, "src/wire/gen"));
    if (differing.length === 0) return undefined;
    return `src/wire/gen is not what proto/ generates. Run \`buf generate\`. It differs in: ${differing.join(", ")}`;
  });

const migrations = (): string | undefined =>
  inTemporaryFolder((folder) => {
    const fresh = join(folder, "migrations");
    cpSync("migrations", fresh, { recursive: true });
    // It takes every path to be relative.
    const options = ["--dialect", "sqlite", "--out", relative(".", fresh)];
    const failed =
      run("drizzle-kit", "check", ...options) ??
      run("drizzle-kit", "generate", ...options, "--schema", "src/data-plane/schema.ts");
    if (failed !== undefined) return failed;
    const differing = differences("migrations", fresh);
    if (differing.length === 0) return undefined;
    return `migrations/ is behind src/data-plane/schema.ts. Run \`drizzle-kit generate\`. It would write: ${differing.join(", ")}`;
  });

const CHECKS: Readonly<Record<string, () => string | undefined>> = {
  "format and lint": () => run("biome", "ci", "--colors=off", "--reporter=summary"),
  "types of the platform": () => run("wrangler", "types"),
  types: () => run("tsc", "--project", "."),
  "generated code": generated,
  migrations,
  "wire contract, lint": () => run("buf", "lint"),
  "wire contract, breaking changes": () => run("buf", "breaking", "--against", "proto/released.binpb"),
  tidy: () => run("vitest", "run", "--project", "core", "test/tidy"),
};

let failures = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  const failed = check();
  console.log(`${failed === undefined ? "ok    " : "FAILED"} ${name}`);
  if (failed === undefined) continue;
  failures++;
  console.log(failed.trimEnd());
}
process.exit(failures === 0 ? 0 : 1);
