// Without this, a crash of the process in the middle of its work could lose, repeat or wedge what was acknowledged.
import type { ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { followEvents } from "../../../examples/demo/events.ts";
import { bundle } from "../../../workers/local/bundle.ts";
import { freePort } from "../../../workers/local/process.ts";
import { type Local, startLocal } from "../../../workers/local/runtime.ts";
import { listen } from "../../fixtures/loopback.ts";
import { KEYS } from "../../setup/keys.ts";
import { askOf } from "../ask.ts";
import { temporaryFolder } from "../launcher.ts";

const LIFETIMES = 200;
const ROUNDS = 3;
const STEPS = 2 * ROUNDS;
/** Steps that the world outside answers before it holds all others, until each lifetime has begun. */
const ANSWERED_BEFORE = (LIFETIMES * STEPS) / 4;
/** Steps that it has been told of when workerd is killed. */
const KILL_AT = (LIFETIMES * STEPS) / 2;
const WAIT = { timeout: 60_000 };

const CHAIN = `digraph relay {
  node [type=plan, kind=pass]; p0; p1; p2;
  node [type=task, kind=count]; t0; t1; t2;
  p0 -> t0 -> p1 -> t1 -> p2 -> t2;
}`;

/**
 * The world outside: remembers each key that it was told. Until it is released it holds the last step of each
 * lifetime, and from some number on every step, so that all lifetimes are in their middle then. Released, it
 * says when it has been told enough.
 */
const startOutside = async () => {
  const keys = new Set<string>();
  const held = new Set<ServerResponse>();
  const enough = Promise.withResolvers<void>();
  let released = false;
  const server = await listen((request, response) => {
    const key = String(request.headers["idempotency-key"]);
    keys.add(key);
    if (keys.size >= KILL_AT) enough.resolve();
    request.resume();
    const answered = keys.size - held.size;
    if (released || (answered <= ANSWERED_BEFORE && !key.endsWith(`:${STEPS}`))) response.end();
    else held.add(response);
  });
  const release = () => {
    released = true;
    for (const response of held) response.end();
    return enough.promise;
  };
  const close = () => server[Symbol.dispose]();
  return { keys, held, release, url: server.url, [Symbol.dispose]: close };
};

interface Lifetime {
  readonly lifetime: string;
  readonly output?: readonly { readonly result: { readonly n: number } }[];
}

interface TopicPage {
  readonly records: readonly {
    readonly offset: number;
    readonly value: {
      readonly header: {
        readonly name: string;
        readonly exec_id: string;
        readonly lifetime_id: string;
        readonly input_id: string;
        readonly attempt: number;
        readonly status?: string;
      };
    };
  }[];
  readonly next_offset: number;
}

/** What the log and the database both say of an execution. */
interface Execution {
  readonly offset: number;
  readonly node: string;
  readonly exec_id: string;
  readonly lifetime: string;
  readonly input_id: string;
  readonly attempt: number;
  readonly status: string;
}

interface ExecutionPage {
  readonly items: readonly (Execution & { readonly kind: string })[];
  readonly next_cursor?: string;
}

const inOrder = (executions: readonly Execution[]): readonly Execution[] =>
  [...executions].sort((a, b) => a.offset - b.offset);

const clientOf = (local: Local) => {
  const ask = askOf(local, "kill");
  /** A topic, all of it. */
  const logged = async (topic: string): Promise<readonly Execution[]> => {
    const executions: Execution[] = [];
    for (let from = 0; ; ) {
      const page = await ask<TopicPage>("GET", `/topics/${topic}/records?limit=500&offset=${from}`);
      if (page.records.length === 0) return executions;
      for (const { offset, value } of page.records) {
        const { name: node, exec_id, lifetime_id: lifetime, input_id, attempt, status = "" } = value.header;
        const bare = status.replace("EXECUTION_STATUS_", "");
        executions.push({ offset, node, exec_id, lifetime, input_id, attempt, status: bare });
      }
      from = page.next_offset;
    }
  };
  /** All executions of a kind as the database has them. */
  const listed = async (ofKind: string): Promise<readonly Execution[]> => {
    const executions: Execution[] = [];
    for (let cursor = ""; ; ) {
      const page = await ask<ExecutionPage>("GET", `/executions?kind=${ofKind}&limit=500${cursor}`);
      for (const { offset, node, exec_id, lifetime, input_id, attempt, status } of page.items)
        executions.push({ offset, node, exec_id, lifetime, input_id, attempt, status });
      if (page.next_cursor === undefined) return inOrder(executions);
      cursor = `&cursor=${encodeURIComponent(page.next_cursor)}`;
    }
  };
  return { ask, logged, listed };
};

/** The lifetimes, with what each was given. */
const startAll = async (client: ReturnType<typeof clientOf>, url: string): Promise<Map<string, number>> => {
  const acknowledged = new Map<string, number>();
  const start = async (n: number) => {
    const { lifetime } = await client.ask<Lifetime>("POST", "/graphs/relay/lifetimes", { input: { url, n } });
    acknowledged.set(lifetime, n);
  };
  await Promise.all(Array.from({ length: LIFETIMES }, (_, n) => start(n)));
  return acknowledged;
};

/** The ids of a tenant's events, until all lifetimes have ended. */
const idsOf = async (url: string, key: string): Promise<number[]> => {
  const ids: number[] = [];
  let ended = 0;
  for await (const { id, event } of followEvents(url, key)) {
    ids.push(Number(id));
    if (event === "lifetime_ended") ended++;
    if (ended === LIFETIMES) return ids;
  }
  return ids;
};

const killed = async (local: Local): Promise<void> => {
  for (const pid of local.pids()) process.kill(pid, "SIGKILL");
  await local.stop();
};

const keyOf = ({ input_id, attempt }: Execution): string => `${input_id}/${attempt}`;

test("every acknowledged lifetime ends right after workerd was killed in the middle", {
  timeout: 300_000,
}, async () => {
  await using data = await temporaryFolder();
  const entry = await bundle(resolve("wrangler.toml"), "index.ts", join(data.path, "bundle"), {
    "#nodes": join(import.meta.dirname, "nodes.ts"),
  });
  const port = await freePort("127.0.0.1");
  const options = { data: data.path, bundle: entry, keys: JSON.stringify(KEYS), port };
  using outside = await startOutside();
  let local = await startLocal(options);
  try {
    const before = clientOf(local);
    await before.ask("PUT", "");
    await before.ask("POST", "/graphs", { dot: CHAIN });
    // Read on from where they were cut, as soon as there is something to read from again.
    const events = idsOf(`${local.url}/v1/tenants/kill/events?after=0`, local.key);
    const acknowledged = await startAll(before, outside.url);
    expect(acknowledged.size).toBe(LIFETIMES);
    // Each is in the middle of one of its steps.
    await expect.poll(() => outside.held.size, WAIT).toBe(LIFETIMES);
    await outside.release();
    expect(outside.keys.size).toBeLessThan(LIFETIMES * STEPS);
    await killed(local);

    local = await startLocal(options);
    const { ask, logged, listed } = clientOf(local);
    for (const [lifetime, n] of acknowledged) {
      const ended = await ask<Lifetime>("GET", `/lifetimes/${lifetime}?wait=60s`);
      expect(ended).toMatchObject({ status: "SUCCEEDED", steps: STEPS, output: [{ node: "t2" }] });
      expect(ended.output?.[0]?.result.n).toBe(n + ROUNDS);
    }
    expect(outside.keys.size).toBe(LIFETIMES * STEPS);

    // The whole log, each record once and in its order.
    const ids = await events;
    expect(ids).toEqual(ids.map((_, i) => i + 1));
    expect(ids.length).toBeGreaterThan(2 * LIFETIMES * STEPS);

    const all = [];
    for (const kind of ["plan", "task"]) {
      const rows = await listed(kind);
      expect(rows).toEqual(await logged(`${kind}-executions`));
      expect(rows).toEqual(await logged(`persisted-${kind}-executions`));
      // Every attempt that was asked for has its one answer.
      expect(rows.map(keyOf).sort()).toEqual((await logged(`${kind}-inputs`)).map(keyOf).sort());
      all.push(...rows);
    }
    expect(all).toHaveLength(LIFETIMES * STEPS);
    expect(new Set(all.map(keyOf)).size).toBe(all.length);
    expect(new Set(all.map((row) => row.input_id))).toEqual(outside.keys);
  } finally {
    await local.stop();
  }
});
