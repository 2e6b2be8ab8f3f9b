/** Starts subjects on fresh data and measures them; every answer is checked, and D1 is waited for. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "./load.ts";
import type { Load, Loaded } from "./loader.ts";
import { profile } from "./profile.ts";
import { type Counters, NAMES, prepare, type Subject, type SubjectName } from "./subjects.ts";
import type { Workload } from "./workloads.ts";

export interface Measured extends Loaded {
  readonly stepsPerSecond: number;
  /** Of what the subject counts for its tenant, per step; empty where there are many, which may forget it when idle. */
  readonly perStep: Counters;
  readonly memoryBytes: number;
  /** Until D1 had every step; undefined when there is no D1. */
  readonly lagMs: number | undefined;
}

export interface Ask extends Pick<Load, "callers" | "lifetimesMax"> {
  readonly workload: Workload;
  readonly tenants?: number;
  readonly seconds?: number;
}

export interface Options {
  readonly pairs: number;
  readonly seconds: number;
  readonly names: readonly SubjectName[];
  readonly profile: boolean;
}

/** One start of a subject. */
export class Bench {
  readonly subject: Subject;
  readonly #options: Options;
  /** That D1 is to have, with those of earlier starts. */
  #steps: number;

  constructor(subject: Subject, options: Options, steps: number) {
    this.subject = subject;
    this.#options = options;
    this.#steps = steps;
  }

  async measure({ workload, tenants = 1, seconds = this.#options.seconds, ...ask }: Ask): Promise<Measured> {
    const { subject } = this;
    const before = await subject.counters();
    const { hostname, port } = new URL(subject.local.url);
    const request = { ...subject.request(workload, tenants), host: hostname, port: Number(port) };
    const run = () => load({ ...request, ...ask, seconds });
    const loaded = this.#options.profile ? await profile(subject.local, run) : await run();
    const steps = loaded.lifetimesInAll * workload.steps;
    this.#steps += steps;
    const lagMs = await this.#lagMs();
    const counted = tenants > 1 ? [] : Object.entries(await subject.counters());
    const perStep = Object.fromEntries(
      counted
        .filter(([name]) => COSTS.includes(name))
        .map(([name, n]) => [name, (n - (before[name] ?? 0)) / steps]),
    );
    const stepsPerSecond = loaded.perSecond * workload.steps;
    return { ...loaded, stepsPerSecond, perStep, memoryBytes: subject.memoryBytes(), lagMs };
  }

  async #lagMs(): Promise<number | undefined> {
    const from = performance.now();
    for (;;) {
      const rows = await this.subject.projected();
      if (rows === undefined) return undefined;
      if (rows > this.#steps) throw new Error(`${rows} rows of ${this.#steps} steps in D1`);
      if (rows === this.#steps) return performance.now() - from;
      if (performance.now() - from > LAG_MS_MAX)
        throw new Error(`D1 has ${rows} of ${this.#steps} steps after ${LAG_MS_MAX / 1_000} s`);
      await sleep(LAG_POLL_MS);
    }
  }
}

/** Of what is counted, what a step is paid with; the rest are states. */
const COSTS = ["requests", "commits", "rpcs", "rows", "flushes", "d1_rows"];
const LAG_MS_MAX = 60_000;
const LAG_POLL_MS = 10;

export class Lab {
  readonly options: Options;
  readonly #folder: string;
  readonly #starts = new Map<SubjectName, Awaited<ReturnType<typeof prepare>>>();

  constructor(folder: string, options: Options) {
    this.#folder = folder;
    this.options = options;
  }

  /** Starts a subject with so many tenants on data of its own, and ends it after `use`. */
  with<T>(name: SubjectName, tenants: number, use: (bench: Bench) => Promise<T>): Promise<T> {
    return this.onData((data) => this.startOn(data, name, tenants, use));
  }

  /** A new folder of data, gone after `use`. */
  async onData<T>(use: (data: string) => Promise<T>): Promise<T> {
    const data = await mkdtemp(join(this.#folder, "data-"));
    try {
      return await use(data);
    } finally {
      await rm(data, { recursive: true, force: true });
    }
  }

  /** As `with`, on data that may have been used before. */
  async startOn<T>(data: string, name: SubjectName, tenants: number, use: (bench: Bench) => Promise<T>) {
    const start = this.#starts.get(name) ?? (await prepare(name, join(this.#folder, name)));
    this.#starts.set(name, start);
    const subject = await start({ data, ...(this.options.profile && { inspectorPort: 0 }) });
    try {
      await subject.prepare(tenants);
      return await use(new Bench(subject, this.options, (await subject.projected()) ?? 0));
    } finally {
      await subject.stop();
    }
  }

  /** One round of each subject, so many times. Who goes first alternates: neither always has the warmer machine. */
  async rounds<T>(tenants: number, use: (bench: Bench, name: SubjectName) => Promise<T>) {
    const { names, profile } = this.options;
    const rounds = Object.fromEntries(NAMES.map((name) => [name, [] as T[]])) as Record<SubjectName, T[]>;
    const pairs = profile ? 1 : this.options.pairs;
    for (let pair = 0; pair < pairs; pair++) {
      for (const name of pair % 2 === 0 ? names : [...names].reverse())
        rounds[name].push(await this.with(name, tenants, (bench) => use(bench, name)));
      if (process.stderr.isTTY) process.stderr.write(`\rpair ${pair + 1} of ${pairs} `);
    }
    return rounds;
  }
}
