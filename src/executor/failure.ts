/** How user code says that it failed, and how whatever it threw becomes the one string of the wire. */
import { errorCode, errorMessage, type RuntimeErrorCode } from "../wire/error-message.ts";

export interface Failure {
  /** No further attempt before so many milliseconds have passed, whatever the node's backoff is. */
  readonly retryAfterMs?: number;
}

/** A failure with a code of the author's own, which retry rules can name. */
export class NodeError extends Error {
  readonly code: string;
  readonly retryAfterMs: number | undefined;

  constructor(code: string, message: string, { retryAfterMs }: Failure = {}) {
    if (errorCode(`${code}:`) !== code)
      throw new TypeError(
        `${JSON.stringify(code)} is no error code; use letters, digits, _ and ., such as rate_limited`,
      );
    super(message);
    this.code = code;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A failure that no further attempt can mend: it is never retried. */
export class TerminalError extends NodeError {
  constructor(message: string) {
    super("terminal" satisfies RuntimeErrorCode, message);
  }
}

/** The error message of an execution that ended in this throw. */
export const thrownMessage = (thrown: unknown): string => {
  if (thrown instanceof NodeError) return errorMessage(thrown.code, thrown.message, thrown.retryAfterMs);
  if (thrown instanceof Error) {
    const name = thrown.name === "Error" ? "" : `${thrown.name}: `;
    return errorMessage("error", `${name}${thrown.message}`);
  }
  return errorMessage("error", typeof thrown === "string" ? thrown : `the node threw a ${typeof thrown}`);
};
