/** What an earlier request with the same key was about. */
import type { IdempotencyEntry } from "../../src/control-plane/store.ts";
import type { KeyedRequest } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";

/** Undefined where there was none; refused where it was another request. */
export const earlierRequest = (
  turn: Turn,
  { idempotency }: KeyedRequest,
): Result<IdempotencyEntry | undefined, Rejection> => {
  const earlier = idempotency && turn.idempotency(idempotency.key);
  if (earlier === undefined || earlier.bodyHash === idempotency?.bodyHash) return ok(earlier);
  return reject(
    "idempotency_conflict",
    `this key came for ${earlier.lifetime} with another request; use a new key for a new request`,
  );
};
