// Requests as a client sends them, through the worker.
import { env, exports } from "cloudflare:workers";

export const ORIGIN = "http://escapement";

/** One plan and one task, whose result is the lifetime's input. */
export const ECHO = `digraph echo {
  begin [type="plan", kind="parallel"]
  echo [type="task", kind="transform", expression="input"]
  begin -> echo
}`;

export interface Sent extends Omit<RequestInit, "body"> {
  /** Undefined sends none. */
  key?: string | undefined;
  json?: unknown;
  body?: BodyInit;
}

export interface Received {
  status: number;
  headers: Headers;
  /** Parsed, where it is JSON; a test says what it expects of it by looking. */
  body: ReturnType<typeof JSON.parse>;
}

export const send = async (method: string, path: string, sent: Sent = {}): Promise<Received> => {
  const { key = "key" in sent ? undefined : "admin-key", json, ...init } = sent;
  const headers = new Headers(init.headers);
  if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
  if (json !== undefined) headers.set("content-type", "application/json");
  const body = json === undefined ? init.body : JSON.stringify(json);
  const request = new Request(`${ORIGIN}${path}`, {
    ...init,
    method,
    headers,
    ...(body !== undefined && { body }),
  });
  const response = await exports.default.fetch(request);
  const text = await response.text();
  const type = response.headers.get("content-type") ?? "";
  const isJson = type.includes("json") && !type.includes("ndjson");
  return {
    status: response.status,
    headers: response.headers,
    body: isJson && text ? JSON.parse(text) : text,
  };
};

export const keysOf = (configured: unknown): Env =>
  ({
    ...env,
    ESCAPEMENT_KEYS: typeof configured === "string" ? configured : JSON.stringify(configured),
  }) as Env;
