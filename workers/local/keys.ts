/** The keys of a runtime on one machine: those of the environment, else one that is drawn at the first start. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface Keys {
  /** The value of ESCAPEMENT_KEYS. */
  readonly json: string;
  /** The first key that may do everything; undefined when there is none. */
  readonly admin: string | undefined;
  readonly source: string;
}

const adminKey = (json: string, source: string): string | undefined => {
  try {
    const keys: { key: string; roles: string[] }[] = JSON.parse(json);
    return keys.find((key) => key.roles.includes("admin"))?.key;
  } catch {
    throw new Error(`${source} must hold JSON: [{ "name": "me", "key": "…", "roles": ["admin"] }].`);
  }
};

const readOrCreate = async (path: string): Promise<string> => {
  const key = randomBytes(24).toString("base64url");
  const fresh = `${JSON.stringify([{ name: "local", key, roles: ["admin"] }], null, 2)}\n`;
  try {
    await writeFile(path, fresh, { mode: 0o600, flag: "wx" });
    return fresh;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return readFile(path, "utf8");
  }
};

export const readKeys = async (data: string, fromEnvironment: string | undefined): Promise<Keys> => {
  const source = fromEnvironment ? "ESCAPEMENT_KEYS" : join(data, "keys.json");
  const json = fromEnvironment ? fromEnvironment : await readOrCreate(source);
  return { json, admin: adminKey(json, source), source };
};
