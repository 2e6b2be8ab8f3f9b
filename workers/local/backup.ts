/**
 * `npm run backup`: a copy of a data folder, also of one that is in use, from which a runtime goes on.
 *
 * Each database is copied as it is at one moment, but time passes between two of them, so their order counts: D1,
 * which the logs fill, before the objects that hold the logs, and these before the blobs that their records name.
 * So D1 is never ahead of a log, and no blob is missing.
 */
import { copyFile, mkdir, readdir } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseArgs } from "node:util";

const USAGE = "npm run backup -- --to <a folder that is empty or not there> [--data ./data]";

const isDatabase = (path: string): boolean => path.endsWith(".sqlite");
/** What a database has not yet taken in; a copy of the database has it. */
const isOfDatabase = (path: string): boolean => /\.sqlite-(wal|shm)$/.test(path);

/** One after the other; alarms lie in a database of their own, which may be behind: a start looks at every tenant. */
const STAGES: readonly (readonly [folder: string, copies: (path: string) => boolean])[] = [
  ["d1", isDatabase],
  ["do", isDatabase],
  ["r2", isDatabase],
  ["r2", (path) => !isDatabase(path) && !isOfDatabase(path)],
];

const filesOf = async (folder: string): Promise<string[]> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
};

const copyDatabase = (from: string, to: string): void => {
  const database = new DatabaseSync(from, { readOnly: true });
  try {
    // Reads as of one moment, holds up no writer, and leaves no log of changes behind.
    database.prepare("VACUUM INTO ?").run(to);
  } finally {
    database.close();
  }
};

const backup = async (data: string, to: string): Promise<number> => {
  if ((await filesOf(to)).length > 0) throw new Error(`${to} is not empty. Choose another folder.`);
  let files = 0;
  for (const [folder, copies] of STAGES)
    for (const path of (await filesOf(join(data, folder))).filter(copies)) {
      const copy = join(to, relative(data, path));
      await mkdir(dirname(copy), { recursive: true });
      if (isDatabase(path)) copyDatabase(path, copy);
      else await copyFile(path, copy);
      files++;
    }
  if (files === 0) throw new Error(`${data} holds nothing to back up.`);
  await copyFile(join(data, "keys.json"), join(to, "keys.json")).catch(() => {});
  return files;
};

const readArguments = () => {
  const { values } = parseArgs({
    options: { data: { type: "string", default: "data" }, to: { type: "string" } },
  });
  if (values.to === undefined) throw new Error("--to names the folder to write.");
  return { data: resolve(values.data), to: resolve(values.to) };
};

try {
  const { data, to } = readArguments();
  const files = await backup(data, to);
  console.log(`Copied ${files} files of ${data} to ${to}. Start from it: npm start -- --data ${to}`);
} catch (error) {
  console.error(`${(error as Error).message}\nUsage: ${USAGE}`);
  process.exitCode = 2;
}
