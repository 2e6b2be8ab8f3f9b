/** Chain with policies and budgets, side by side on one tenant; and how fast a policy looks back over its log. */
import type { Bench, Lab, Measured } from "../lab.ts";
import { median } from "../median.ts";
import { ratio, table } from "../report.ts";
import { WORKLOADS } from "../workloads.ts";

const CALLERS = 32;

interface Guarded {
  readonly policies: readonly object[];
  readonly budgets: readonly object[];
}

const EVENTS = ["plan_input", "task_input", "plan_execution", "task_execution"];

/** Each reads another value, of what a step has at hand or what is counted for it. */
const CONDITIONS = [
  "lifetime.steps > 100000",
  "lifetime.age_ms > 86400000",
  "lifetime.spent.tokens > 1000000",
  "input.iteration > 1000",
  "node.kind == 'forbidden'",
];

const applying = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => ({
    name: `applies-${i}`,
    on: EVENTS,
    when: CONDITIONS[i % CONDITIONS.length],
    action: "REJECT_EXECUTION",
    message: "it must not come to this",
  }));

/** Of graphs and nodes that the chain does not have. */
const elsewhere = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => ({
    ...applying(1)[0],
    name: `elsewhere-${i}`,
    scope: i % 2 === 0 ? { graph: `other-${i}` } : { graph: "chain", node: `other-${i}` },
  }));

const limits = { tokens: 1e12, cost_usd_micros: 1e12 };
const BUDGETS = [
  { window: "day", limits },
  { scope: "graph", graph: "chain", limits },
  { scope: "lifetime", limits },
];

const SETTINGS: Readonly<Record<string, Guarded>> = {
  none: { policies: [], budgets: [] },
  "5 policies, 3 budgets": { policies: applying(5), budgets: BUDGETS },
  "20 policies": { policies: applying(20), budgets: [] },
  "3 policies": { policies: applying(3), budgets: [] },
  "3 of 500 policies": { policies: [...applying(3), ...elsewhere(497)], budgets: [] },
};

const PAIRS = [
  ["5 policies, 3 budgets", "none"],
  ["20 policies", "none"],
  ["3 of 500 policies", "3 policies"],
] as const;

class Tenant {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ subject: { events } }: Bench) {
    if (events === undefined) throw new Error("the runtime alone has guardrails");
    this.#url = events.url.replace(/\/events$/, "");
    this.#headers = events.headers;
  }

  async send(method: string, path: string, json?: object): Promise<Response> {
    const body = json && { body: JSON.stringify(json) };
    const response = await fetch(`${this.#url}${path}`, { method, headers: this.#headers, ...body });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response;
  }

  async guard(method: "PUT" | "DELETE", { policies, budgets }: Guarded): Promise<void> {
    for (const policy of policies as { name: string }[])
      await this.send(method, `/policies/${policy.name}`, method === "PUT" ? policy : undefined);
    for (const [i, budget] of budgets.entries())
      await this.send(method, `/budgets/bench-${i}`, method === "PUT" ? budget : undefined);
  }

  /** Recorded executions a second. */
  async backtest(): Promise<number> {
    const policy = { ...applying(1)[0], when: "lifetime.spent.tokens > 1000000 || lifetime.steps > 100000" };
    const from = performance.now();
    const response = await this.send("POST", "/policies:backtest", { policy });
    const lines = (await response.text()).trim().split("\n");
    const { done } = JSON.parse(lines.at(-1) ?? "{}") as { done: { executions: number } };
    return done.executions / ((performance.now() - from) / 1_000);
  }
}

export const guardrails = async (lab: Lab): Promise<void> => {
  const rounds = new Map<string, Measured[]>(Object.keys(SETTINGS).map((name) => [name, []]));
  const rates: number[] = [];
  for (let pair = 0; pair < lab.options.pairs; pair++)
    await lab.with("runtime", 1, async (bench) => {
      const tenant = new Tenant(bench);
      const names = Object.keys(SETTINGS);
      for (const name of pair % 2 === 0 ? names : names.reverse()) {
        const guarded = SETTINGS[name] as Guarded;
        await tenant.guard("PUT", guarded);
        rounds.get(name)?.push(await bench.measure({ workload: WORKLOADS.chain, callers: CALLERS }));
        await tenant.guard("DELETE", guarded);
      }
      rates.push(await tenant.backtest());
    });
  console.log(`\nchain, ${CALLERS} callers, guarded\n${table([...rounds])}`);
  for (const [name, beside] of PAIRS) {
    const of = ratio(rounds.get(name) ?? [], rounds.get(beside) ?? [], (measured) => measured.perSecond);
    console.log(`${name} / ${beside}, median of the rounds: lifetimes/s ${of}`);
  }
  console.log(`looking back with one policy: ${median(rates).toFixed(0)} executions/s`);
};
