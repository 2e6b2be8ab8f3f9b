/** What is measured: the runtime as `npm start` runs it, and the floor, each on fresh data under one launcher. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { bundle } from "../../workers/local/bundle.ts";
import { residentBytes } from "../../workers/local/process.ts";
import { type Local, type LocalOptions, startLocal } from "../../workers/local/runtime.ts";
import type { Load } from "./loader.ts";

export type Counters = Readonly<Record<string, number>>;

export interface Subject {
  readonly local: Local;
  readonly request: Pick<Load, "path" | "headers" | "body" | "expect">;
  /** Counted since the start; empty when it does not tell. */
  counters(): Promise<Counters>;
  /** Rows of D1 that hold a step; undefined when it has no D1. */
  projected(): Promise<number | undefined>;
  memoryBytes(): number;
  stop(): Promise<void>;
}

export const STEPS = 10;
const RESULT_BYTES = 200;
const TENANT = "bench";

// Every task adds a mark, so that an answer shows that each of the five ran, once and in turn.
const INPUT = "x".repeat(RESULT_BYTES - STEPS / 2);
const CHAIN = `digraph chain {
  node [type=plan, kind=parallel]; p0; p1; p2; p3; p4;
  node [type=task, kind=transform, expression="input + '.'"]; t0; t1; t2; t3; t4;
  p0 -> t0 -> p1 -> t1 -> p2 -> t2 -> p3 -> t3 -> p4 -> t4;
}`;

const launch = async (options: LocalOptions) => {
  const local = await startLocal(options);
  const memoryBytes = () => local.pids().reduce((sum, pid) => sum + residentBytes(pid), 0);
  return { local, memoryBytes, stop: local.stop };
};

const json = async (answer: Promise<Response>): Promise<unknown> => {
  const response = await answer;
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text}`);
  return JSON.parse(text);
};

const startFloor = async (options: LocalOptions): Promise<Subject> => {
  const launched = await launch(options);
  return {
    ...launched,
    request: { path: "/chain", headers: {}, body: "", expect: "^9:200:x{194}$" },
    counters: async () => (await json(fetch(`${launched.local.url}/counters`))) as Counters,
    projected: async () => undefined,
  };
};

const startRuntime = async (options: LocalOptions): Promise<Subject> => {
  const launched = await launch(options);
  const { local } = launched;
  const headers = { authorization: `Bearer ${local.key}`, "content-type": "application/json" };
  const tenant = `${local.url}/v1/tenants/${TENANT}`;
  await json(fetch(tenant, { method: "PUT", headers }));
  await json(fetch(`${tenant}/graphs`, { method: "POST", headers, body: JSON.stringify({ dot: CHAIN }) }));
  const d1 = await local.miniflare.getD1Database("DB");
  const rows = "SELECT (SELECT count(*) FROM plan_executions) + (SELECT count(*) FROM task_executions) AS n";
  return {
    ...launched,
    request: {
      path: `/v1/tenants/${TENANT}/graphs/chain/lifetimes?wait=60s`,
      headers,
      body: JSON.stringify({ input: INPUT }),
      expect: `"status":"SUCCEEDED".*"x{${INPUT.length}}\\.{${STEPS / 2}}"`,
    },
    counters: async () => {
      const response = await fetch(`${tenant}/counters`, { headers });
      return response.ok ? ((await response.json()) as Counters) : {};
    },
    projected: async () => (await d1.prepare(rows).first<number>("n")) ?? 0,
  };
};

const ROOT = join(import.meta.dirname, "../..");

export const SUBJECTS = {
  floor: { config: join(import.meta.dirname, "floor/wrangler.toml"), main: "worker.ts", start: startFloor },
  runtime: { config: join(ROOT, "wrangler.toml"), main: "index.ts", start: startRuntime },
};
export type SubjectName = keyof typeof SUBJECTS;

/** Bundles once, and answers what starts the subject on the data folder that it is given. */
export const prepare = async (name: SubjectName, folder: string) => {
  const { config, main, start } = SUBJECTS[name];
  const entry = await bundle(config, main, folder);
  return (options: Omit<LocalOptions, "bundle" | "config">) => start({ ...options, bundle: entry, config });
};

const LAG_MS_MAX = 60_000;
const LAG_POLL_MS = 10;

/** Milliseconds until every step of so many lifetimes is a row in D1; undefined when there is no D1. */
export const lagMs = async (subject: Subject, lifetimes: number): Promise<number | undefined> => {
  const from = performance.now();
  for (;;) {
    const rows = await subject.projected();
    if (rows === undefined) return undefined;
    if (rows > lifetimes * STEPS) throw new Error(`${rows} rows of ${lifetimes * STEPS} steps in D1`);
    if (rows === lifetimes * STEPS) return performance.now() - from;
    if (performance.now() - from > LAG_MS_MAX)
      throw new Error(`D1 has ${rows} of ${lifetimes * STEPS} steps after ${LAG_MS_MAX / 1_000} s`);
    await sleep(LAG_POLL_MS);
  }
};
