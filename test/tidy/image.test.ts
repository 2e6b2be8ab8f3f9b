// Without this, the image of the bridge could lack a file or a package, and only whoever starts it would notice.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const dockerfile = readFileSync("bridge/Dockerfile", "utf8");
const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));

/** What follows each of these instructions. */
const told = (instruction: string): string[] =>
  [...dockerfile.matchAll(new RegExp(`^${instruction} (.+)$`, "gm"))].map(([, rest = ""]) => rest);

/** The end of one that stands on several lines counts whatever it imports. */
const IMPORT = /^(?:(?:import|export) (?!type )[^=\n]*from |\} from |import )"([^"]+)";$/gm;

/** What a file needs when it runs: paths and names of packages. */
const importsOf = (path: string): string[] =>
  [...readFileSync(path, "utf8").matchAll(IMPORT)].map(([, name = ""]) =>
    name.startsWith(".") ? join(path, "..", name) : name,
  );

test("the image of the bridge has every file and package that its command needs", () => {
  const copied = told("COPY").flatMap((line) => line.split(" ").slice(0, -1));
  const removed = told("RUN rm -rf");
  const [command = ""] = told("CMD").flatMap((line) => JSON.parse(line).slice(-1) as string[]);
  const needed = new Set([command]);
  for (const each of needed) if (each.endsWith(".ts")) for (const name of importsOf(each)) needed.add(name);
  // Far more than the entry itself.
  expect(needed.size).toBeGreaterThan(50);
  const isThere = (name: string): boolean => {
    if (name.startsWith("node:")) return true;
    const isIn = (folder: string) => name.startsWith(`${folder}/`);
    if (name.endsWith(".ts")) return copied.some(isIn) && !removed.some(isIn);
    return Object.keys(dependencies).some((each) => name === each || name.startsWith(`${each}/`));
  };
  expect([...needed].filter((name) => !isThere(name))).toEqual([]);
});
