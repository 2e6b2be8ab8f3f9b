/**
 * Rejection → RFC 9457 problem document, and nothing else: whatever goes wrong leaves the gateway through
 * here, rich in what a caller can mend and dull in what is ours to mend.
 */
import { z } from "@hono/zod-openapi";
import type { Context, TypedResponse } from "hono";
import { FAULT_CODES, WARNING_CODES } from "../../src/graph/fault.ts";
import { RETRY_AFTER_MS } from "../../src/limits.ts";
import { REJECTION_CODES, type Rejection, type RejectionCode } from "../../src/rejection.ts";
import { type Level, logLine } from "../log-line.ts";

const STATUS = {
  invalid_request: 400,
  invalid_json: 400,
  invalid_utf8: 400,
  nested_too_deep: 400,
  unknown_fields: 400,
  body_too_large: 413,
  input_too_large: 413,
  unsupported_media_type: 415,
  unauthenticated: 401,
  forbidden: 403,
  route_not_found: 404,
  method_not_allowed: 405,
  tenant_not_found: 404,
  tenant_deleting: 409,
  graph_not_found: 404,
  budget_not_found: 404,
  graph_invalid: 422,
  graph_not_active: 409,
  policy_not_found: 404,
  policy_invalid: 422,
  too_many_policies: 429,
  lifetime_not_found: 404,
  lifetime_exists: 409,
  execution_not_found: 404,
  result_not_found: 404,
  blob_not_found: 404,
  illegal_transition: 409,
  approval_not_found: 404,
  approval_closed: 409,
  approval_conflict: 409,
  answer_invalid: 422,
  too_many_signals: 429,
  idempotency_conflict: 409,
  topic_not_found: 404,
  topic_not_writable: 403,
  undecodable: 422,
  cursor_invalid: 400,
  offset_trimmed: 410,
  too_many_readers: 429,
  overloaded: 503,
  data_plane_behind: 503,
  mirror_behind: 503,
  storage_full: 503,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<RejectionCode, number>;

const position = z.object({ line: z.int(), column: z.int() });

export const faultSchema = z
  .object({
    code: z.enum(FAULT_CODES),
    message: z.string(),
    node: z.string().optional(),
    edge: z.object({ from: z.string(), to: z.string() }).optional(),
    position: position.optional(),
  })
  .openapi("Fault");

export const warningSchema = faultSchema.extend({ code: z.enum(WARNING_CODES) }).openapi("Warning");

const problemSchema = z
  .object({
    type: z.string().openapi({ example: "/problems/graph_invalid" }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(REJECTION_CODES),
    faults: z.array(faultSchema).optional(),
    fields: z.array(z.object({ path: z.string(), detail: z.string() })).optional(),
    first_offset: z.int().optional().openapi({ description: "Where a topic begins by now" }),
    instance: z.string().optional().openapi({ description: "Names this occurrence in the logs" }),
  })
  .openapi("Problem");

export const problemResponse = {
  description: "What was wrong, and what to do",
  content: { "application/problem+json": { schema: problemSchema } },
} as const;

type ProblemStatus = (typeof STATUS)[RejectionCode];
type ProblemBody = z.input<typeof problemSchema>;

/** The code in words: `graph_invalid` is "Graph invalid". */
const titleOf = (code: RejectionCode): string => {
  const words = code.replaceAll("_", " ");
  return words[0]?.toUpperCase() + words.slice(1);
};

export const problem = (
  c: Context,
  { code, detail, faults, fields, retryAfterMs, firstOffset }: Rejection,
  more: { readonly instance?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Response & TypedResponse<ProblemBody, ProblemStatus, "json"> => {
  const status = STATUS[code];
  const body = {
    type: `/problems/${code}`,
    title: titleOf(code),
    status,
    detail,
    code,
    ...(faults && { faults }),
    ...(fields && { fields }),
    ...(firstOffset !== undefined && { first_offset: firstOffset }),
    ...(more.instance && { instance: more.instance }),
  };
  return c.body(JSON.stringify(body), status, {
    ...more.headers,
    "content-type": "application/problem+json",
    ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) }),
    ...(code === "unauthenticated" && { "www-authenticate": "Bearer" }),
  }) as unknown as Response & TypedResponse<ProblemBody, ProblemStatus, "json">;
};

/** What SQLite says of the statement itself: the same again would fail again, and it is ours to mend. */
const FAULTY_STATEMENT = /: SQLITE_(ERROR|AUTH|CONSTRAINT|MISMATCH|RANGE|TOOBIG)/;

/** D1 says by the message only what went wrong, and drizzle wraps it. All but a faulty statement passes. */
const isDatabaseAway = (thrown: unknown): boolean =>
  thrown instanceof Error &&
  ((thrown.message.startsWith("D1_ERROR: ") && !FAULTY_STATEMENT.test(thrown.message)) ||
    isDatabaseAway(thrown.cause));

/** What the platform says of an object or a database not to be had right now; undefined for a fault of ours. */
const platformRefusal = (thrown: unknown): Rejection | undefined => {
  const { overloaded, retryable } = (thrown ?? {}) as { overloaded?: boolean; retryable?: boolean };
  const refuse = (code: RejectionCode, detail: string) => ({ code, detail, retryAfterMs: RETRY_AFTER_MS });
  if (overloaded) return refuse("overloaded", "this tenant has too much to do; try again");
  if (retryable) return refuse("unavailable", "this tenant is being moved; try again");
  if (isDatabaseAway(thrown)) return refuse("unavailable", "the database does not answer; try again");
  return undefined;
};

/** What the database said is in the cause of the error that names the query. */
const textOf = (thrown: unknown): string =>
  thrown instanceof Error
    ? `${thrown.stack ?? thrown.message}${thrown.cause === undefined ? "" : `\ncaused by ${textOf(thrown.cause)}`}`
    : String(thrown);

const log = (
  level: Level,
  event: string,
  thrown: unknown,
  c: Context,
  more: Readonly<Record<string, string>> = {},
): void => {
  const { method } = c.req;
  logLine(level, event, { tenant: c.req.param("tenant"), ...more, method, detail: textOf(thrown) });
};

/** Nothing of what was thrown is told; the log has it under the same instance. */
export const rejectionOfThrown = (
  thrown: unknown,
  c: Context,
): { readonly rejection: Rejection; readonly instance?: string } => {
  const refusal = platformRefusal(thrown);
  if (refusal) {
    log("warn", "request_refused", thrown, c);
    return { rejection: refusal };
  }
  const instance = `urn:uuid:${crypto.randomUUID()}`;
  log("error", "request_failed", thrown, c, { instance });
  const detail = "a fault of ours; it is in the logs under this instance";
  return { rejection: { code: "internal", detail }, instance };
};

export const problemOfThrown = (thrown: unknown, c: Context): Response => {
  const { rejection, ...more } = rejectionOfThrown(thrown, c);
  return problem(c, rejection, more);
};
