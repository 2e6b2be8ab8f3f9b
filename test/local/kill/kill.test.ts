// Without this, a crash of the process in the middle of its work could lose, repeat or wedge what was acknowledged.
import { once } from "node:events";
import { createServer } from "node:http";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { bundle } from "../../../workers/local/bundle.ts";
import { type Local, startLocal } from "../../../workers/local/runtime.ts";
import { KEYS } from "../../setup/keys.ts";
import { temporaryFolder } from "../launcher.ts";

const LIFETIMES = 200;
const ROUNDS = 3;
const STEPS = 2 * ROUNDS;
/** Steps that have been told outside when workerd is killed: a fourth of all. */
const KILL_AFTER = (LIFETIMES * STEPS) / 4;

const CHAIN = `digraph relay {
  node [type=plan, kind=pass]; p0; p1; p2;
  node [type=task, kind=count]; t0; t1; t2;
  p0 -> t0 -> p1 -> t1 -> p2 -> t2;
}`;

/** The world outside: remembers each key that it was told, and calls back at a number of them. */
const startOutside = async (at: number, act: () => void) => {
  const keys = new Set<string>();
  const server = createServer((request, response) => {
    keys.add(String(request.headers["idempotency-key"]));
    if (keys.size === at) act();
    request.resume();
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : undefined;
  return { keys, url: `http://127.0.0.1:${port}/`, [Symbol.dispose]: () => server.close() };
};

interface Lifetime {
  readonly lifetime: string;
  readonly output?: readonly { readonly result: { readonly n: number } }[];
}

interface TopicPage {
  readonly records: readonly { readonly value: { readonly header: { readonly exec_id: string } } }[];
  readonly next_offset: number;
}

const clientOf = (local: Local) => {
  const ask = async <T = unknown>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${local.url}/v1/tenants/kill${path}`, {
      method,
      headers: { authorization: `Bearer ${local.key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
  /** Ids of the executions in a topic, all of them. */
  const logged = async (topic: string): Promise<string[]> => {
    const ids: string[] = [];
    for (let offset = 0; ; ) {
      const page = await ask<TopicPage>("GET", `/topics/${topic}/records?limit=500&offset=${offset}`);
      if (page.records.length === 0) return ids;
      ids.push(...page.records.map(({ value }) => value.header.exec_id));
      offset = page.next_offset;
    }
  };
  return { ask, logged };
};

/** Ids of the lifetimes whose start was acknowledged, with what each was given. */
const startAll = async (client: ReturnType<typeof clientOf>, url: string): Promise<Map<string, number>> => {
  const acknowledged = new Map<string, number>();
  const start = async (n: number) => {
    const { lifetime } = await client.ask<Lifetime>("POST", "/graphs/relay/lifetimes", { input: { url, n } });
    acknowledged.set(lifetime, n);
  };
  // Those that were on their way when workerd was killed fail; whether they started nobody was told.
  await Promise.allSettled(Array.from({ length: LIFETIMES }, (_, n) => start(n)));
  return acknowledged;
};

/** Asks again for as long as nobody is there to answer. */
const untilAnswered = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (;;) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await sleep(50);
  }
};

const column = async (local: Local, sql: string): Promise<string[]> => {
  const db = await local.miniflare.getD1Database("DB");
  const { results } = await db.prepare(sql).all<{ v: string }>();
  return results.map(({ v }) => v);
};

test("every acknowledged lifetime ends right after workerd was killed in the middle", {
  timeout: 300_000,
}, async () => {
  await using data = await temporaryFolder();
  const entry = await bundle(resolve("wrangler.toml"), "index.ts", join(data.path, "bundle"), {
    "#nodes": join(import.meta.dirname, "nodes.ts"),
  });
  const local = await startLocal({ data: data.path, bundle: entry, keys: JSON.stringify(KEYS) });
  const first = local.pids();
  using outside = await startOutside(KILL_AFTER, () => {
    for (const pid of first) process.kill(pid, "SIGKILL");
  });
  try {
    const client = clientOf(local);
    await client.ask("PUT", "");
    await client.ask("POST", "/graphs", { dot: CHAIN });

    const acknowledged = await startAll(client, outside.url);
    expect(acknowledged.size).toBeGreaterThan(0);
    await expect.poll(() => local.pids(), { timeout: 60_000 }).not.toEqual(first);
    for (const [lifetime, n] of acknowledged) {
      const ended = await untilAnswered(() => client.ask<Lifetime>("GET", `/lifetimes/${lifetime}?wait=60s`));
      expect(ended).toMatchObject({ status: "SUCCEEDED", steps: STEPS, output: [{ node: "t2" }] });
      expect(ended.output?.[0]?.result.n).toBe(n + ROUNDS);
    }

    // A start that was not acknowledged may have happened: then it is whole, too.
    const statuses = "SELECT status AS v FROM lifetimes";
    await expect
      .poll(async () => new Set(await column(local, statuses)), { timeout: 60_000 })
      .toEqual(new Set(["SUCCEEDED"]));
    const steps = (await column(local, statuses)).length * STEPS;
    expect(steps).toBeGreaterThanOrEqual(acknowledged.size * STEPS);
    const keys = await column(
      local,
      "SELECT input_id AS v FROM plan_executions UNION ALL SELECT input_id FROM task_executions",
    );
    expect(keys).toHaveLength(steps);
    expect(new Set(keys)).toEqual(outside.keys);
    for (const kind of ["plan", "task"]) {
      const rows = await column(local, `SELECT exec_id AS v FROM ${kind}_executions ORDER BY "offset"`);
      expect(rows).toEqual(await client.logged(`${kind}-executions`));
    }
  } finally {
    await local.stop();
  }
});
