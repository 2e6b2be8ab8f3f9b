/**
 * Issues inputs: the first attempt, the ones after a backoff, and the same one again when it was lost. While a
 * lifetime is paused its next attempts are held instead, as open members that have no record yet.
 */
import type { Node } from "../graph/graph.ts";
import { LEASE_MARGIN_MS } from "../limits.ts";
import { append, type Draft } from "./draft.ts";
import { encodeOwnHeader, headerOf } from "./header.ts";
import { type HoldCause, type Member, NEVER } from "./lifetime.ts";
import { waitBegins } from "./standing.ts";
import { isWait, waiting } from "./wait.ts";

type Issue = Pick<Member, "node" | "wave" | "parents" | "scopes">;

/** A new input for a node, with its first attempt; answers its number. */
export const issue = (draft: Draft, what: Issue): number => {
  const { head, iterations } = draft.lifetime;
  const n = ++head.issued;
  const iteration = iterations.get(what.node) ?? 0;
  iterations.set(what.node, iteration + 1);
  head.outstanding++;
  attempt(draft, n, {
    ...what,
    kind: draft.graph.node(what.node).type,
    iteration,
    attempt: 1,
    expired: false,
  });
  return n;
};

type Attempt = Pick<
  Member,
  "kind" | "node" | "iteration" | "wave" | "parents" | "scopes" | "attempt" | "expired" | "before"
>;

/** The one way to an attempt, the first or a later one. */
export const attempt = (draft: Draft, n: number, what: Attempt): void => {
  if (draft.lifetime.head.holds === undefined) open(draft, n, what);
  else hold(draft, n, what, "paused");
};

const hold = (draft: Draft, n: number, what: Attempt, cause: HoldCause): void => {
  const held = { cause, since: draft.at };
  draft.lifetime.members.set(n, { ...begun(what), phase: "held", input: 0, due: NEVER, resent: 0, held });
};

/** Field by field: what an earlier attempt met is not for this one. */
const begun = (from: Attempt): Attempt => {
  const { kind, node, iteration, wave, parents, scopes, attempt, expired, before } = from;
  const what = { kind, node, iteration, wave, parents, attempt, expired };
  return { ...what, ...(scopes && { scopes }), ...(before !== undefined && { before }) };
};

/** What was held for this cause is issued in the order in which it was held; policy and budget are asked here. */
export const release = (draft: Draft, cause: HoldCause): void => {
  const freed = [...draft.lifetime.members.entries()].filter(
    ([, { phase, held }]) => phase === "held" && held?.cause === cause,
  );
  freed.sort(([a, one], [b, other]) => (one.held?.since ?? 0) - (other.held?.since ?? 0) || a - b);
  for (const [n, member] of freed) attempt(draft, n, member);
};

/** Puts one attempt on its topic, and under a lease or to wait. */
const open = (draft: Draft, n: number, what: Attempt): void => {
  const node = draft.graph.node(what.node);
  const member: Member = {
    ...begun(what),
    phase: "issued",
    input: draft.tail,
    due: leaseEnd(draft, node),
    resent: 0,
  };
  const header = headerOf(draft.lifetime.head, n, member);
  append(draft, {
    type: "input",
    kind: member.kind,
    header: encodeOwnHeader(header),
    decoded: header,
    carries: member.parents.map((parent) => parent.offset),
    withoutResult: member.parents.filter((parent) => parent.ignored).map((parent) => parent.offset),
  });
  if (isWait(node)) {
    waitBegins(draft);
    put(draft, n, waiting(draft, n, member, node));
    return;
  }
  put(draft, n, member);
  send(draft, n, member, node);
};

/** The same attempt once more, under a new lease. Whoever asks for it counts it. */
export const resend = (draft: Draft, n: number, lost: Member): void => {
  const node = draft.graph.node(lost.node);
  const member: Member = {
    ...lost,
    due: leaseEnd(draft, node),
    ...(lost.missing && { missing: { ...lost.missing, asleep: false } }),
  };
  put(draft, n, member);
  send(draft, n, member, node);
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
const send = (draft: Draft, n: number, member: Member, { executor }: Node): void => {
  if (executor === "external") return;
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
