/** What the bridge asks the gateway over HTTP: which tenants there are. */
import { z } from "zod";
import type { Settings } from "./settings.ts";

const REQUEST_MS_MAX = 10_000;
const page = z.object({
  items: z.array(z.object({ tenant: z.string(), status: z.string() })),
  next_cursor: z.string().optional(),
});

export class GatewayRefused extends Error {
  readonly status: number;

  constructor(status: number, text: string) {
    super(`the gateway answers ${status}: ${text.slice(0, 500)}`);
    this.status = status;
  }
}

export class Gateway {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor({ url, key }: Settings["gateway"]) {
    this.#url = url;
    this.#headers = key === undefined ? {} : { authorization: `Bearer ${key}` };
  }

  async get(path: string): Promise<Response> {
    const signal = AbortSignal.timeout(REQUEST_MS_MAX);
    const response = await fetch(`${this.#url}${path}`, { headers: this.#headers, signal });
    if (!response.ok) throw new GatewayRefused(response.status, await response.text());
    return response;
  }

  /** Those that are active, by name. */
  async tenants(): Promise<readonly string[]> {
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const { items, next_cursor } = page.parse(
        await (await this.get(`/v1/tenants?limit=1000${cursor}`)).json(),
      );
      found.push(...items.filter(({ status }) => status === "ACTIVE").map(({ tenant }) => tenant));
      if (next_cursor === undefined) return found;
      cursor = `&cursor=${encodeURIComponent(next_cursor)}`;
    }
  }
}
