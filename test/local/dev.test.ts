// Without this, `npm run dev` could count as failed when it is told to end, or leave workerd on its port.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../../workers/local/process.ts";
import { temporaryFolder } from "./launcher.ts";

/** What it reads; what it writes stays in the folder that it is started in. */
const READ = [
  ".dev.vars.example",
  "examples",
  "migrations",
  "node_modules",
  "package.json",
  "src",
  "workers",
  "wrangler.toml",
];

test("the development server keeps its data where it is told to, ends with 0 and frees its port when it is told to", async () => {
  await using folder = await temporaryFolder();
  for (const name of READ) await symlink(resolve(name), join(folder.path, name));
  const port = String(await freePort("127.0.0.1"));
  const child = spawn("npm", ["run", "dev", "--", "--port", port, "--persist-to", "elsewhere"], {
    cwd: folder.path,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  try {
    for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }))
      if (String(chunk).includes("Ready on")) break;
    child.stdout.resume();
    const url = `http://127.0.0.1:${port}/ready`;
    // Only with the tables of D1 it is ready.
    expect((await fetch(url)).status).toBe(200);
    expect(existsSync(join(folder.path, "elsewhere"))).toBe(true);
    expect(existsSync(join(folder.path, ".wrangler/state"))).toBe(false);
    child.kill("SIGTERM");
    expect(await closed).toEqual([0, null]);
    await expect(fetch(url)).rejects.toThrow();
  } finally {
    child.kill("SIGTERM");
    await closed;
  }
}, 120_000);
