/** What the bridge asks the gateway over HTTP: which tenants there are, who has a lease, and what becomes of topics. */
import { z } from "zod";
import type { Settings } from "./settings.ts";

const REQUEST_MS_MAX = 10_000;
const page = z.object({
  items: z.array(z.object({ tenant: z.string(), status: z.string() })),
  next_cursor: z.string().optional(),
});

const mirrorState = z.object({ lag: z.int(), lease: z.object({ holder: z.string() }).optional() });

export class GatewayRefused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`the gateway answers ${status}: ${text.slice(0, 500)}`);
    this.status = status;
  }
}

export interface Listed {
  readonly tenant: string;
  readonly deleting: boolean;
}

export class Gateway {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, key }: Settings["gateway"]) {
    this.#url = url;
    this.#headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  }

  get(path: string): Promise<Response> {
    return this.send("GET", path);
  }

  async send(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<Response> {
    const signal = AbortSignal.timeout(REQUEST_MS_MAX);
    const headers = { ...this.#headers, ...(body && { "content-type": "application/json" }) };
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers,
      signal,
      ...(body && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new GatewayRefused(response.status, await response.text());
    return response;
  }

  /** Which bridge sends a tenant's log to Kafka; undefined where none does. */
  async leaseHolder(tenant: string): Promise<string | undefined> {
    return (await this.#mirror(tenant)).lease?.holder;
  }

  async #mirror(tenant: string): Promise<z.infer<typeof mirrorState>> {
    return mirrorState.parse(await (await this.get(`/v1/tenants/${tenant}/mirror`)).json());
  }

  /** Those that are active, by name. */
  async tenants(): Promise<readonly string[]> {
    return (await this.listed()).filter(({ deleting }) => !deleting).map(({ tenant }) => tenant);
  }

  /** Records of its log that Kafka lacks. */
  async lag(tenant: string): Promise<number> {
    return (await this.#mirror(tenant)).lag;
  }

  /** All that there are, by name. */
  async listed(): Promise<readonly Listed[]> {
    const found: Listed[] = [];
    for (let cursor = ""; ; ) {
      const { items, next_cursor } = page.parse(
        await (await this.get(`/v1/tenants?limit=1000${cursor}`)).json(),
      );
      found.push(...items.map(({ tenant, status }) => ({ tenant, deleting: status !== "ACTIVE" })));
      if (next_cursor === undefined) return found;
      cursor = `&cursor=${encodeURIComponent(next_cursor)}`;
    }
  }
}
