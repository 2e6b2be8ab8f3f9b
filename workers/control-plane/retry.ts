/** Retries a lifetime that has failed, once for an idempotency key. */
import type { RetryRequest } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { IDEMPOTENCY_MS } from "../../src/limits.ts";
import type { Rejection } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { earlierRequest } from "./idempotency.ts";

export const retryLifetime = (
  turn: Turn,
  request: RetryRequest,
  now: number,
  mayStart: () => Result<void, Rejection>,
): Result<{ readonly replayed: boolean }, Rejection> => {
  const earlier = earlierRequest(turn, request);
  if (!earlier.ok) return earlier;
  if (earlier.value) return ok({ replayed: true });
  const may = mayStart();
  if (!may.ok) return may;
  const { lifetime, detail, idempotency } = request;
  const retried = turn.retry(lifetime, detail);
  if (!retried.ok) return retried;
  if (idempotency) turn.remember({ ...idempotency, lifetime, expiresAt: now + IDEMPOTENCY_MS });
  return ok({ replayed: false });
};
