/** Answers an approval, once for an idempotency key, which is remembered for as long as the lifetime may live. */

import { decideAnswer } from "../../src/control-plane/approvals.ts";
import { parseApprovalId } from "../../src/control-plane/ids.ts";
import type { ApprovalAnswer, ApprovalRequest } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import type { Graphs } from "./graphs.ts";
import { earlierRequest } from "./idempotency.ts";
import type { Log } from "./log.ts";

export const answerApproval = (
  turn: Turn,
  request: ApprovalRequest,
  { graphs, log }: { readonly graphs: Graphs; readonly log: Log },
  now: number,
  mayArrive: () => Result<void, Rejection>,
): Result<ApprovalAnswer, Rejection> => {
  const { approval, voter, ballot, comment, idempotency } = request;
  const earlier = earlierRequest(turn, request);
  if (!earlier.ok) return earlier;
  if (earlier.value) return ok({ approval, lifetime: earlier.value.lifetime, replayed: true });
  const may = mayArrive();
  if (!may.ok) return may;
  const parsed = parseApprovalId(approval);
  const opened = parsed && log.get(parsed.opened);
  if (parsed === undefined || opened?.type !== "approval_opened" || opened.approval !== approval)
    return reject("approval_not_found", `no approval ${approval} in this tenant`);
  const found = turn.lifetime(parsed.lifetime);
  if (found === undefined || !("head" in found)) return reject("approval_closed", `its lifetime has ended`);
  const { head } = found;
  const answering = {
    n: parsed.n,
    opened: parsed.opened,
    voter,
    ballot,
    ...(comment !== undefined && { comment }),
  };
  const decided = decideAnswer(found, graphs.index(head.graph, head.version), answering, now);
  if (!decided.ok) return decided;
  turn.happen(head.id, { type: "approval_answered", ...answering });
  if (idempotency) turn.remember({ ...idempotency, lifetime: head.id });
  const { type, approval: standing } = decided.value;
  return ok({
    approval,
    lifetime: head.id,
    outcome: type,
    votes: standing.votes?.length ?? 0,
    quorum: standing.quorum,
    replayed: false,
  });
};
