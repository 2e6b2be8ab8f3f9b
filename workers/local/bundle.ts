/** The bundle that would be deployed, made by the deploy command itself, so that what runs here is what runs there. */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

/** Started with node itself: the launcher that npm links would not pass signals on. */
export const wranglerCli = join(
  dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
  "wrangler-dist/cli.js",
);

/**
 * The path of the bundled entry module in `folder`; `main` is that of the configuration. An alias puts another
 * file in the place of an import.
 */
export const bundle = async (
  config: string,
  main: string,
  folder: string,
  aliases: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const args = [wranglerCli, "deploy", "--dry-run", "--outdir", folder, "--config", config];
  for (const [name, path] of Object.entries(aliases)) args.push("--alias", `${name}:${path}`);
  await promisify(execFile)(process.execPath, args).catch((error: { stderr: string; message: string }) => {
    throw new Error(`The Workers code does not bundle:\n${error.stderr || error.message}`);
  });
  return join(folder, basename(main).replace(/\.ts$/, ".js"));
};
