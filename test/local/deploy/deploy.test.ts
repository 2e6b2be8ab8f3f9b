// Without this, a deploy could fail what runs, run again what was done, or leave untold which code did what.
import type { ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { bundle } from "../../../workers/local/bundle.ts";
import { startLocal } from "../../../workers/local/runtime.ts";
import { listen } from "../../fixtures/loopback.ts";
import { KEYS } from "../../setup/keys.ts";
import { askOf } from "../ask.ts";
import { temporaryFolder } from "../launcher.ts";

const LIFETIMES = 100;
const CHAIN = `digraph relay {
  node [type=plan, kind=parallel]; p0; p1; p2;
  node [type=task, kind=sign]; t0; t1; t2;
  p0 -> t0 -> p1 -> t1 -> p2 -> t2;
}`;
/** Of t1, the fourth input of a lifetime: held until the deploy. */
const IN_FLIGHT = /:4$/;

/** Remembers by key which code called with it. */
const startOutside = async () => {
  const calls = new Map<string, string[]>();
  const held = new Set<ServerResponse>();
  const state = { deployed: false };
  const server = await listen(async (request, response) => {
    const key = String(request.headers["idempotency-key"]);
    calls.set(key, [...(calls.get(key) ?? []), await text(request)]);
    if (state.deployed || !IN_FLIGHT.test(key)) response.end();
    else held.add(response);
  });
  return { calls, held, state, url: server.url, [Symbol.dispose]: () => server[Symbol.dispose]() };
};

interface Execution {
  readonly node: string;
  readonly attempt: number;
  readonly status: string;
  readonly executor_version: string;
}

test("a deploy in the middle of many lifetimes fails none, and repeats only what was in flight", {
  timeout: 300_000,
}, async () => {
  await using data = await temporaryFolder();
  const bundleOf = (code: string) =>
    bundle(resolve("wrangler.toml"), "index.ts", join(data.path, code), {
      "#nodes": join(import.meta.dirname, `${code}.ts`),
    });
  const optionsOf = async (code: string) => ({
    data: data.path,
    bundle: await bundleOf(code),
    keys: JSON.stringify(KEYS),
  });
  const [before, after] = [await optionsOf("old"), await optionsOf("new")];
  using outside = await startOutside();
  let local = await startLocal(before);
  try {
    const first = askOf(local, "deploy");
    await first("PUT", "");
    await first("POST", "/graphs", { dot: CHAIN });
    const input = { url: outside.url, ran: [] };
    const started = await Promise.all(
      Array.from({ length: LIFETIMES }, () =>
        first<{ lifetime: string }>("POST", "/graphs/relay/lifetimes", { input }),
      ),
    );
    await expect.poll(() => outside.held.size, { timeout: 60_000 }).toBe(LIFETIMES);
    outside.state.deployed = true;
    await local.stop();

    local = await startLocal(after);
    const ask = askOf(local, "deploy");
    const versions = new Map<string, Set<string>>();
    for (const { lifetime } of started) {
      const ended = await ask("GET", `/lifetimes/${lifetime}?wait=60s`);
      const output = [{ node: "t2", result: { ran: ["old", "new", "new"] } }];
      expect(ended).toMatchObject({ status: "SUCCEEDED", steps: 6, output });
      const { items } = await ask<{ items: Execution[] }>("GET", `/lifetimes/${lifetime}/timeline`);
      expect(items.map(({ node }) => node)).toEqual(["p0", "t0", "p1", "t1", "p2", "t2"]);
      expect(items.every(({ status, attempt }) => status === "SUCCEEDED" && attempt === 1)).toBe(true);
      for (const { node, executor_version } of items)
        versions.set(node, (versions.get(node) ?? new Set()).add(executor_version));
      const called = [2, 4, 6].map((n) => outside.calls.get(`${lifetime}:${n}`));
      expect(called).toEqual([["old"], ["old", "new"], ["new"]]);
    }
    // What the old code did and decided has its version, the rest that of the new one.
    const [old = "", ...others] = versions.get("p0") ?? [];
    const [fresh = "", ...more] = versions.get("t2") ?? [];
    expect([old, fresh]).toEqual([expect.stringMatching(/^\w{16}$/), expect.stringMatching(/^\w{16}$/)]);
    expect([...others, ...more]).toEqual([]);
    expect(old).not.toBe(fresh);
    expect(["t0", "p1", "t1", "p2"].map((node) => [...(versions.get(node) ?? [])])).toEqual([
      [old],
      [old],
      [fresh],
      [fresh],
    ]);
  } finally {
    await local.stop();
  }
});
