/** Issues inputs: the first attempt, the ones after a backoff, and the same one again when it was lost. */
import type { Node } from "../graph/graph.ts";
import { LEASE_MARGIN_MS } from "../limits.ts";
import { append, type Draft, move } from "./draft.ts";
import { encodeOwnHeader, headerOf } from "./header.ts";
import type { Member } from "./lifetime.ts";
import { isWait, waiting } from "./wait.ts";

type Issue = Pick<Member, "node" | "wave" | "parents">;

/** A new input for a node, with its first attempt; answers its number. */
export const issue = (draft: Draft, what: Issue): number => {
  const { head, iterations } = draft.lifetime;
  const n = ++head.issued;
  const iteration = iterations.get(what.node) ?? 0;
  iterations.set(what.node, iteration + 1);
  head.outstanding++;
  if (head.status === "QUEUED") move(draft, "RUNNING");
  attempt(draft, n, {
    ...what,
    kind: draft.graph.node(what.node).type,
    iteration,
    attempt: 1,
    expired: false,
  });
  return n;
};

type Attempt = Pick<Member, "kind" | "node" | "iteration" | "wave" | "parents" | "attempt" | "expired">;

/** Puts one attempt on its topic, and under a lease or to wait. */
export const attempt = (draft: Draft, n: number, what: Attempt): void => {
  const node = draft.graph.node(what.node);
  // Field by field: what an earlier attempt met is not for this one.
  const member: Member = {
    kind: what.kind,
    node: what.node,
    iteration: what.iteration,
    wave: what.wave,
    parents: what.parents,
    attempt: what.attempt,
    phase: "issued",
    input: draft.tail,
    due: leaseEnd(draft, node),
    resent: 0,
    expired: what.expired,
  };
  append(draft, {
    type: "input",
    kind: member.kind,
    header: encodeOwnHeader(headerOf(draft.lifetime.head, n, member)),
    carries: member.parents.map((parent) => parent.offset),
    withoutResult: member.parents.filter((parent) => parent.ignored).map((parent) => parent.offset),
  });
  if (isWait(node)) {
    put(draft, n, waiting(draft, n, member, node));
    return;
  }
  put(draft, n, member);
  send(draft, n, member);
};

/** The same attempt once more, under a new lease. Whoever asks for it counts it. */
export const resend = (draft: Draft, n: number, lost: Member): void => {
  const member: Member = {
    ...lost,
    due: leaseEnd(draft, draft.graph.node(lost.node)),
    ...(lost.missing && { missing: { ...lost.missing, asleep: false } }),
  };
  put(draft, n, member);
  send(draft, n, member);
};

export const extendLease = (draft: Draft, n: number, member: Member): void =>
  put(draft, n, { ...member, due: leaseEnd(draft, draft.graph.node(member.node)) });

/** Keeps an open member, and `due` no later than its deadline. */
export const put = (draft: Draft, n: number, member: Member): void => {
  const { head, members } = draft.lifetime;
  members.set(n, member);
  head.due = Math.min(head.due, member.due);
};

const leaseEnd = ({ at }: Draft, { timeoutMs }: Node): number => at + timeoutMs + LEASE_MARGIN_MS;

/** What runs elsewhere is taken from its topic, and answered, by whoever does. */
const send = (draft: Draft, n: number, member: Member): void => {
  if (draft.graph.node(member.node).executor === "external") return;
  draft.effects.push({
    type: "dispatch",
    n,
    attempt: member.attempt,
    node: member.node,
    epoch: draft.lifetime.head.epoch,
    offset: member.input,
    due: member.due,
  });
};
