/** What is measured: the runtime as `npm start` runs it, and the floor, each on fresh data under one launcher. */
import { join } from "node:path";
import { bundle } from "../../workers/local/bundle.ts";
import { residentBytes } from "../../workers/local/process.ts";
import { type Local, type LocalOptions, startLocal } from "../../workers/local/runtime.ts";
import type { Load } from "./loader.ts";
import { WORKLOADS, type Workload } from "./workloads.ts";

export type Counters = Readonly<Record<string, number>>;

export interface Subject {
  readonly local: Local;
  /** Of one tenant, or of so many with callers around. */
  request(workload: Workload, tenants?: number): Pick<Load, "paths" | "headers" | "body" | "expect">;
  /** Provisions so many tenants: the first with all workloads, and the others with the chain. */
  prepare(tenants: number): Promise<void>;
  /** Of the first tenant, counted since the start; empty when it does not tell. */
  counters(): Promise<Counters>;
  /** Rows of D1 that hold a step; undefined when it has no D1. */
  projected(): Promise<number | undefined>;
  /** Where the events of the first tenant are read, and with which headers; undefined when it has none. */
  readonly events?: { readonly url: string; readonly headers: Readonly<Record<string, string>> };
  memoryBytes(): number;
  stop(): Promise<void>;
}

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

const nameOf = (tenant: number): string => `bench-${tenant}`;
const each = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

const startFloor = async (options: LocalOptions): Promise<Subject> => {
  const launched = await launch(options);
  return {
    ...launched,
    request: ({ name, floor }, tenants = 1) => {
      if (floor === undefined) throw new Error(`the floor has no ${name}`);
      const paths = each(tenants, (i) => `${floor.path}?tenant=${nameOf(i)}`);
      return { paths, headers: {}, body: "", expect: floor.expect };
    },
    prepare: async () => {},
    counters: async () =>
      (await json(fetch(`${launched.local.url}/counters?tenant=${nameOf(0)}`))) as Counters,
    projected: async () => undefined,
  };
};

const startRuntime = async (options: LocalOptions): Promise<Subject> => {
  const launched = await launch(options);
  const { local } = launched;
  const headers = { authorization: `Bearer ${local.key}`, "content-type": "application/json" };
  const pathOf = (tenant: number) => `/v1/tenants/${nameOf(tenant)}`;
  const provision = async (tenant: number) => {
    const url = `${local.url}${pathOf(tenant)}`;
    await json(fetch(url, { method: "PUT", headers }));
    for (const { dot } of tenant === 0 ? Object.values(WORKLOADS) : [WORKLOADS.chain])
      await json(fetch(`${url}/graphs`, { method: "POST", headers, body: JSON.stringify({ dot }) }));
  };
  const d1 = await local.miniflare.getD1Database("DB");
  const rows = "SELECT (SELECT count(*) FROM plan_executions) + (SELECT count(*) FROM task_executions) AS n";
  return {
    ...launched,
    request: ({ name, input, expect }, tenants = 1) => {
      const paths = each(tenants, (i) => `${pathOf(i)}/graphs/${name}/lifetimes?wait=60s`);
      return { paths, headers, body: JSON.stringify({ input }), expect };
    },
    prepare: async (tenants) => {
      for (let i = 0; i < tenants; i++) await provision(i);
    },
    counters: async () => {
      const response = await fetch(`${local.url}${pathOf(0)}/counters`, { headers });
      return response.ok ? ((await response.json()) as Counters) : {};
    },
    projected: async () => (await d1.prepare(rows).first<number>("n")) ?? 0,
    events: { url: `${local.url}${pathOf(0)}/events`, headers },
  };
};

const ROOT = join(import.meta.dirname, "../..");

export const SUBJECTS = {
  floor: { config: join(import.meta.dirname, "floor/wrangler.toml"), main: "worker.ts", start: startFloor },
  runtime: { config: join(ROOT, "wrangler.toml"), main: "index.ts", start: startRuntime },
};
export type SubjectName = keyof typeof SUBJECTS;
export const NAMES = Object.keys(SUBJECTS) as SubjectName[];

/** Bundles once, and answers what starts the subject on the data folder that it is given. */
export const prepare = async (name: SubjectName, folder: string) => {
  const { config, main, start } = SUBJECTS[name];
  const entry = await bundle(config, main, folder);
  return (options: Omit<LocalOptions, "bundle" | "config">) => start({ ...options, bundle: entry, config });
};
