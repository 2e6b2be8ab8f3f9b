/** Runs a load in a process of its own. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Load, Loaded } from "./loader.ts";

export const load = (request: Load): Promise<Loaded> =>
  new Promise((resolve, reject) => {
    const child = fork(join(import.meta.dirname, "loader.ts"));
    child.once("message", (message: { loaded: Loaded } | { error: string }) =>
      "loaded" in message ? resolve(message.loaded) : reject(new Error(message.error)),
    );
    child.once("exit", (code) => reject(new Error(`The loader ended early, with ${code}.`)));
    child.send(request);
  });
