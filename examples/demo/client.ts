/** The runtime's HTTP interface, as far as the demo uses it. */
import type { Example } from "../index.ts";
import { followEvents, type StreamEvent } from "./events.ts";

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

export class Client {
  readonly #tenant: string;
  readonly #key: string;

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

  approve(approval: string, answer: Example["answer"]): Promise<unknown> {
    return this.#ask("POST", `/approvals/${approval}:approve`, answer);
  }

  limit({ name, budget }: Example): Promise<unknown> {
    return this.#ask("PUT", `/budgets/${name}`, budget);
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

  /** Everything that happens to a lifetime, from its start to its end. */
  events(lifetime: string): AsyncGenerator<StreamEvent> {
    return followEvents(`${this.#tenant}/lifetimes/${lifetime}/events`, this.#key);
  }
}
