/** Signals a lifetime, once for an idempotency key, which is kept for as long as anything of the lifetime. */

import { inputId } from "../../src/control-plane/ids.ts";
import { waitingFor } from "../../src/control-plane/signal.ts";
import type { SignalAnswer, SignalRequest } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { RETRY_AFTER_MS, SIGNALS_KEPT_MAX } from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { earlierRequest } from "./idempotency.ts";

export const signalLifetime = (
  turn: Turn,
  request: SignalRequest,
  mayArrive: () => Result<void, Rejection>,
): Result<SignalAnswer, Rejection> => {
  const { lifetime: id, name, value, by, idempotency } = request;
  const earlier = earlierRequest(turn, request);
  if (!earlier.ok) return earlier;
  const found = turn.lifetime(id);
  if (found === undefined) return reject("lifetime_not_found", `no lifetime ${id} in this tenant`);
  const head = "head" in found ? found.head : undefined;
  if (earlier.value) {
    const kept = head?.signals?.some(({ key }) => key === idempotency?.key) === true;
    return ok({ lifetime: id, name, kept, replayed: true });
  }
  const may = mayArrive();
  if (!may.ok) return may;
  if (!("head" in found) || found.head.endedAt !== undefined)
    return reject(
      "illegal_transition",
      `lifetime ${id} has ended; nothing in it waits for a signal any more`,
    );
  const [n] = waitingFor(found, name) ?? [];
  if (n === undefined && (found.head.signals?.length ?? 0) >= SIGNALS_KEPT_MAX)
    return reject(
      "too_many_signals",
      `lifetime ${id} keeps ${SIGNALS_KEPT_MAX} signals that nothing has waited for yet; come again when a wait has taken one`,
      { retryAfterMs: RETRY_AFTER_MS },
    );
  const key = idempotency?.key;
  turn.happen(id, { type: "signal_received", name, value, by, ...(key !== undefined && { key }) });
  if (idempotency) turn.remember({ ...idempotency, lifetime: id });
  const to = n !== undefined && { input_id: inputId(id, n) };
  return ok({ lifetime: id, name, kept: n === undefined, ...to, replayed: false });
};
