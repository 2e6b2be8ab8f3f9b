// Requests to a tenant of a runtime that a test has started.
import type { Local } from "../../workers/local/runtime.ts";

/** Answers the JSON; throws a refusal. */
export const askOf =
  (local: Local, tenant: string) =>
  async <T = unknown>(method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(`${local.url}/v1/tenants/${tenant}${path}`, {
      method,
      headers: { authorization: `Bearer ${local.key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  };
