/** The runtime's HTTP interface, as far as the demo uses it. */
import type { Example } from "../index.ts";
import type { StepRecord } from "./progress.ts";

export interface Lifetime {
  readonly lifetime: string;
  readonly status: string;
  readonly steps: number;
  readonly reason?: { readonly code: string; readonly detail: string };
  readonly output?: readonly { readonly node: string; readonly result?: unknown; readonly error?: string }[];
}

export interface Execution {
  readonly node: string;
  readonly kind: string;
  readonly status: string;
  readonly attempt: number;
  readonly iteration_idx: number;
  readonly exec_id: string;
  readonly error?: string;
}

interface Header {
  readonly name: string;
  readonly input_id: string;
  readonly lifetime_id: string;
  readonly attempt: number;
  readonly iteration_idx?: number;
  readonly status?: string;
}

interface TopicRecord {
  readonly at: string;
  readonly value: { readonly header: Header; readonly plan_execution?: { readonly header: Header } };
}

interface TopicPage {
  readonly records: readonly TopicRecord[];
  readonly next_offset: number;
}

const TOPICS = [
  { topic: "plan-inputs", stage: "inputs", kind: "plan" },
  { topic: "task-inputs", stage: "inputs", kind: "task" },
  { topic: "plan-executions", stage: "executions", kind: "plan" },
  { topic: "task-executions", stage: "executions", kind: "task" },
] as const;

const ENDED = new Set(["SUCCEEDED", "FAILED", "CANCELED"]);
export const isEnded = (lifetime: Lifetime): boolean => ENDED.has(lifetime.status);

export class Client {
  readonly #tenant: string;
  readonly #key: string;
  readonly #offsets = new Map<string, number>();

  constructor(url: string, key: string, tenant: string) {
    this.#tenant = `${url}/v1/tenants/${tenant}`;
    this.#key = key;
  }

  async #ask<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.#tenant}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  provision(): Promise<unknown> {
    return this.#ask("PUT", "");
  }

  register(example: Example): Promise<unknown> {
    return this.#ask("POST", "/graphs", example.graph);
  }

  start(example: Example): Promise<Lifetime> {
    return this.#ask("POST", `/graphs/${example.name}/lifetimes`, { input: example.input });
  }

  lifetime(id: string): Promise<Lifetime> {
    return this.#ask("GET", `/lifetimes/${id}`);
  }

  async executions(lifetime: string): Promise<readonly Execution[]> {
    const page = await this.#ask<{ items: Execution[] }>(
      "GET",
      `/executions?lifetime=${lifetime}&limit=1000`,
    );
    // Newest first as they come; read from the top, a story starts with its beginning.
    return page.items.toReversed();
  }

  /** What four of the six topics have of a lifetime since the last call. */
  async records(lifetime: string): Promise<readonly StepRecord[]> {
    const pages = await Promise.all(
      TOPICS.map(async ({ topic, stage, kind }) => {
        const offset = this.#offsets.get(topic) ?? 0;
        const page = await this.#ask<TopicPage>(
          "GET",
          `/topics/${topic}/records?offset=${offset}&limit=1000`,
        );
        this.#offsets.set(topic, page.next_offset);
        return page.records
          .filter(({ value }) => value.header.lifetime_id === lifetime)
          .map(({ at, value: { header, plan_execution: plan } }) => ({
            stage,
            kind,
            node: header.name,
            inputId: header.input_id,
            attempt: header.attempt,
            iteration: header.iteration_idx ?? 0,
            at: Date.parse(at),
            launchedBy: plan?.header.input_id,
            status: header.status?.replace("EXECUTION_STATUS_", ""),
          }));
      }),
    );
    return pages.flat();
  }
}
