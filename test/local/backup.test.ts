// Without this, what was backed up could not be started from, or would have lost what was acknowledged before.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { type Local, startLocal } from "../../workers/local/runtime.ts";
import { KEYS } from "../setup/keys.ts";
import { askOf } from "./ask.ts";
import { temporaryFolder } from "./launcher.ts";

const TENANT = "backed-up";
/** Its second task waits for a signal; the result of its first is over what travels inline. */
const GRAPH = `digraph approval {
  node [type=plan, kind=sequential]; ask; decide
  node [type=task]
  draft [kind=transform, expression="input + input + input"]
  approve [kind=wait, signal=approve]
  ask -> draft -> decide -> approve
}`;
const ECHO = `digraph echo {
  begin [type=plan, kind=parallel]
  say [type=task, kind=transform, expression="input"]
  begin -> say
}`;
const TEXT = "x".repeat(100_000);

interface Lifetime {
  readonly lifetime: string;
  readonly status: string;
}

interface Page {
  readonly items: readonly { readonly lifetime: string; readonly offset: number; readonly exec_id: string }[];
  readonly next_cursor?: string;
}

const run = (...args: readonly string[]) =>
  promisify(execFile)(process.execPath, ["workers/local/backup.ts", ...args]);

const startOn = (data: string) => startLocal({ data, keys: JSON.stringify(KEYS) });

const listed = async (local: Local, kind: string): Promise<number[]> => {
  const offsets: number[] = [];
  for (let cursor = ""; ; ) {
    const page = await askOf(local, TENANT)<Page>("GET", `/executions?kind=${kind}&limit=1000${cursor}`);
    offsets.push(...page.items.map(({ offset }) => offset));
    if (page.next_cursor === undefined) return offsets.sort((a, b) => a - b);
    cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
  }
};

const logged = async (local: Local, kind: string): Promise<number[]> => {
  const offsets: number[] = [];
  for (let from = 0; ; ) {
    const path = `/topics/${kind}-executions/records?limit=1000&offset=${from}`;
    const page = await askOf(local, TENANT)<{ records: { offset: number }[]; next_offset: number }>(
      "GET",
      path,
    );
    if (page.records.length === 0) return offsets;
    offsets.push(...page.records.map(({ offset }) => offset));
    from = page.next_offset;
  }
};

test("a copy of a folder in use has all that was acknowledged before it, and what was under way goes on from it", {
  timeout: 120_000,
}, async () => {
  await using data = await temporaryFolder();
  await using copies = await temporaryFolder();
  const to = join(copies.path, "copy");
  const first = await startOn(data.path);
  const acknowledged: string[] = [];
  let waiting = "";
  try {
    const ask = askOf(first, TENANT);
    await ask("PUT", "");
    for (const dot of [GRAPH, ECHO]) await ask("POST", "/graphs", { dot });
    const echo = async () =>
      (await ask<Lifetime>("POST", "/graphs/echo/lifetimes?wait=30s", { input: 1 })).lifetime;
    for (let n = 0; n < 20; n++) acknowledged.push(await echo());
    waiting = (await ask<Lifetime>("POST", "/graphs/approval/lifetimes", { input: TEXT })).lifetime;
    const isWaiting = async () => (await ask<Lifetime>("GET", `/lifetimes/${waiting}`)).status;
    await expect.poll(isWaiting, { timeout: 30_000 }).toBe("WAITING");

    // Goes on being used while it is copied.
    const copied = run("--data", data.path, "--to", to);
    let done = false;
    void copied.finally(() => {
      done = true;
    });
    const callers = Array.from({ length: 4 }, async () => {
      while (!done) await echo();
    });
    await Promise.all([copied, ...callers]);
    await expect(run("--data", data.path, "--to", to)).rejects.toThrow("is not empty");
  } finally {
    await first.stop();
  }

  const second = await startOn(to);
  try {
    const ask = askOf(second, TENANT);
    for (const id of acknowledged)
      expect(await ask("GET", `/lifetimes/${id}`)).toMatchObject({ status: "SUCCEEDED", steps: 2 });
    await ask("POST", `/lifetimes/${waiting}:signal`, { name: "approve", value: true });
    expect(await ask("GET", `/lifetimes/${waiting}?wait=30s`)).toMatchObject({
      status: "SUCCEEDED",
      steps: 4,
    });
    const { items } = await ask<Page>("GET", `/executions?lifetime=${waiting}&node=draft`);
    expect(await ask("GET", `/executions/${items[0]?.exec_id}/result`)).toBe(TEXT.repeat(3));
    for (const kind of ["plan", "task"])
      expect(await listed(second, kind)).toEqual(await logged(second, kind));
  } finally {
    await second.stop();
  }
});

test("says how it is used when it is not told where to", async () => {
  await expect(run()).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("Usage:") });
});
