/** `npm run dev`: wrangler's own server, which reloads on change, on loopback and with a development key. */
import { type ChildProcess, spawn } from "node:child_process";
import { copyFileSync, existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { wranglerCli } from "./bundle.ts";

if (!existsSync(".dev.vars")) {
  copyFileSync(".dev.vars.example", ".dev.vars");
  console.log("Created .dev.vars with a development key.");
}

const run = (stdin: "inherit" | "ignore", ...args: readonly string[]) =>
  spawn(process.execPath, [wranglerCli, ...args], {
    stdio: [stdin, "inherit", "inherit"],
    env: {
      ...process.env,
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_SEND_METRICS: "false",
      // Tracing every call makes a step several times slower and fills the disk.
      X_LOCAL_OBSERVABILITY: "false",
      X_LOCAL_EXPLORER: "false",
    },
  });

const given = process.argv.slice(2);
const { values } = parseArgs({ args: given, options: { "persist-to": { type: "string" } }, strict: false });
const folder = values["persist-to"];
const kept = typeof folder === "string" ? ["--persist-to", folder] : [];

// Without a terminal to ask, it applies what is missing and goes on.
let wrangler: ChildProcess = run("ignore", "d1", "migrations", "apply", "DB", "--local", ...kept);

let told = false;
// A signal goes to wrangler itself, which ends workerd; through a shell between them it would not.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => {
    told = true;
    wrangler.kill(signal);
  });

// Wrangler ends with the number of the signal, although ending is what it was told.
const statusOf = (code: number | null): number => (told ? 0 : (code ?? 1));

wrangler.once("exit", (migrated) => {
  if (told || migrated !== 0) process.exit(statusOf(migrated));
  wrangler = run("inherit", "dev", "--ip", "127.0.0.1", ...given);
  wrangler.once("exit", (code) => process.exit(statusOf(code)));
});
