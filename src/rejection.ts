/**
 * Why a request was refused: one closed set, stable on the wire. The gateway maps each code to an HTTP
 * status in one exhaustive table; whether a caller may try again is said here and nowhere else.
 */
import type { Fault } from "./graph/fault.ts";
import { err } from "./result.ts";

export const REJECTION_CODES = [
  "invalid_request",
  "invalid_json",
  "invalid_utf8",
  "nested_too_deep",
  "unknown_fields",
  "body_too_large",
  "input_too_large",
  "unsupported_media_type",
  "unauthenticated",
  "forbidden",
  "route_not_found",
  "method_not_allowed",
  "tenant_not_found",
  "tenant_deleting",
  "graph_not_found",
  "graph_invalid",
  "graph_not_active",
  "policy_not_found",
  "policy_invalid",
  "too_many_policies",
  "lifetime_not_found",
  "lifetime_exists",
  "budget_not_found",
  "execution_not_found",
  "result_not_found",
  "blob_not_found",
  "illegal_transition",
  "approval_not_found",
  "approval_closed",
  "approval_conflict",
  "answer_invalid",
  "too_many_signals",
  "idempotency_conflict",
  "topic_not_found",
  "topic_not_writable",
  "undecodable",
  "cursor_invalid",
  "offset_trimmed",
  "too_many_readers",
  "overloaded",
  "data_plane_behind",
  "mirror_behind",
  "storage_full",
  "unavailable",
  "internal",
] as const;

export type RejectionCode = (typeof REJECTION_CODES)[number];

export interface Rejection {
  readonly code: RejectionCode;
  /** A sentence that says what was wrong and what to do. */
  readonly detail: string;
  /** All faults of an invalid graph. */
  readonly faults?: readonly Fault[];
  /** What was wrong with which field, as JSON paths. */
  readonly fields?: readonly { readonly path: string; readonly detail: string }[];
  readonly retryAfterMs?: number;
  /** What an earlier request with the same key was about, where its object has it no more. */
  readonly lifetime?: string;
  /** Of a topic whose records before it are gone. */
  readonly firstOffset?: number;
}

export const reject = (code: RejectionCode, detail: string, more: Omit<Rejection, "code" | "detail"> = {}) =>
  err<Rejection>({ code, detail, ...more });
