/** Starting a lifetime, once for an idempotency key. */
import type { StartRequest } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { IDEMPOTENCY_MS } from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import type { Graphs } from "./graphs.ts";
import { earlierRequest } from "./idempotency.ts";

export interface StartedLifetime {
  readonly lifetime: string;
  readonly replayed: boolean;
}

export const startLifetime = (
  turn: Turn,
  request: StartRequest,
  graphs: Graphs,
  now: number,
  mayStart: () => Result<void, Rejection>,
): Result<StartedLifetime, Rejection> => {
  const { lifetime, labels, input, idempotency } = request;
  const earlier = earlierRequest(turn, request);
  if (!earlier.ok) return earlier;
  if (earlier.value) return ok({ lifetime: earlier.value.lifetime, replayed: true });
  const may = mayStart();
  if (!may.ok) return may;
  const found = graphs.find(request.graph, request.version);
  if (found === undefined) return reject("graph_not_found", graphMissing(request));
  if (found.status !== "ACTIVE")
    return reject(
      "graph_not_active",
      `version ${found.version} of ${request.graph} is ${found.status}; activate it, or register a new version`,
    );
  if (turn.lifetime(lifetime) !== undefined)
    return reject("lifetime_exists", `a lifetime ${lifetime} exists; choose another id`);

  turn.start({ lifetime, version: found.version, labels, input }, request.graph);
  if (idempotency) turn.remember({ ...idempotency, lifetime, expiresAt: now + IDEMPOTENCY_MS });
  return ok({ lifetime, replayed: false });
};

const graphMissing = ({ graph, version }: StartRequest): string =>
  version === undefined
    ? `no graph ${graph}; register it first`
    : `graph ${graph} has no version ${version}; leave it out for the newest active one`;
