/** `npm run dev`: wrangler's own server, which reloads on change, on loopback and with a development key. */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync } from "node:fs";
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

// Without a terminal to ask, it applies what is missing and goes on.
const migrated = run("ignore", "d1", "migrations", "apply", "DB", "--local");
migrated.once("exit", (code) => {
  if (code !== 0) process.exit(code ?? 1);
  // A signal goes to wrangler itself, which ends workerd; through a shell between them it would not.
  const server = run("inherit", "dev", "--ip", "127.0.0.1", ...process.argv.slice(2));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => server.kill(signal));
  server.once("exit", (status) => process.exit(status ?? 0));
});
