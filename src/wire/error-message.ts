/**
 * The wire has one string for an error. Ours begin with a code and a colon, as the exceptions of most
 * languages do when they are printed, so that a retry rule can name codes of ours and of foreign executors.
 */
import { ERROR_MESSAGE_CHARS_MAX } from "../limits.ts";

const CODE = /^([A-Za-z_][\w.]{0,99}):/;

/** Codes of the runtime itself. */
export type RuntimeErrorCode =
  | "terminal"
  | "invalid_input"
  | "invalid_output"
  | "input_too_large"
  | "payload_missing"
  | "payload_unavailable"
  | "invalid_settings"
  | "result_too_large"
  | "timed_out"
  | "canceled"
  | "executor_unavailable"
  | "rejected"
  | "policy_rejected"
  | "budget_rejected"
  | "error";

/** No attempt after these can end otherwise. */
export const NEVER_RETRIED: readonly string[] = [
  "terminal",
  "invalid_input",
  "invalid_output",
  "input_too_large",
  "payload_missing",
  "invalid_settings",
  "result_too_large",
] satisfies RuntimeErrorCode[];

export const errorMessage = (code: string, detail: string, retryAfterMs?: number): string => {
  const wait = retryAfterMs === undefined ? "" : `retry_after_ms=${Math.max(0, Math.ceil(retryAfterMs))}; `;
  // Half a surrogate pair, whether it came or the cut made it, is nothing that protobuf can encode.
  return `${code}: ${wait}${detail}`.slice(0, ERROR_MESSAGE_CHARS_MAX).toWellFormed();
};

/** The wait before another attempt that a message asks for, directly after its code. */
export const retryAfterMs = (message: string): number =>
  Number(/^[A-Za-z_][\w.]{0,99}: retry_after_ms=(\d{1,15});/.exec(message)?.[1] ?? 0);

/** The code that a message begins with; `error` where it has none. */
export const errorCode = (message: string): string => CODE.exec(message)?.[1] ?? "error";
