/**
 * Issues inputs: the first attempt, the ones after a backoff, and the same one again when it was lost. While a
 * lifetime is paused its next attempts are held instead, as open members that have no record yet.
 */
import type { Node } from "../graph/graph.ts";
import type { Reservation } from "../guardrails/ledger.ts";
import { LEASE_MARGIN_MS } from "../limits.ts";
import { append, type Draft } from "./draft.ts";
import { allowed } from "./guard.ts";
import { encodeOwnHeader, headerOf } from "./header.ts";
import { type Held, type HoldCause, type Member, NEVER } from "./lifetime.ts";
import { allowanceOf } from "./reserve.ts";
import { waitBegins } from "./standing.ts";
import { isWait, waiting } from "./wait.ts";

type Issue = Pick<Member, "node" | "wave" | "parents" | "scopes" | "adopted">;

/** New inputs, with their first attempts: what is to be issued at once is allowed at once. */
export const issue = (draft: Draft, inputs: readonly Issue[]): void => {
  const { head, iterations } = draft.lifetime;
  head.outstanding += inputs.length;
  attempt(
    draft,
    inputs.map((what) => {
      const iteration = iterations.get(what.node) ?? 0;
      iterations.set(what.node, iteration + 1);
      const kind = draft.graph.node(what.node).type;
      return [++head.issued, { ...what, kind, iteration, attempt: 1, expired: false }];
    }),
  );
};

/** What an attempt takes from the one before it. */
export type Attempt = Pick<
  Member,
  | "kind"
  | "node"
  | "iteration"
  | "wave"
  | "parents"
  | "scopes"
  | "attempt"
  | "expired"
  | "before"
  | "approved"
  | "parameters"
  | "adopted"
>;

/** The one after it: what a producer has written was the first. */
export const nextAttempt = ({ adopted: _, ...last }: Attempt): Attempt => ({
  ...last,
  attempt: last.attempt + 1,
});

/** With the numbers of their inputs. */
export type Attempts = readonly (readonly [number, Attempt])[];

/** The one way to attempts, the first ones or later ones; it may end the lifetime. */
export const attempt = (draft: Draft, attempts: Attempts): void => {
  if (draft.lifetime.head.holds !== undefined)
    // What lies in Kafka is in flight, and cannot be held.
    for (const [n, what] of attempts)
      if (what.adopted) open(draft, n, what);
      else hold(draft, n, what, { cause: "paused" });
  else if (draft.guard === undefined) for (const [n, what] of attempts) open(draft, n, what);
  else allowed(draft, attempts);
};

/**
 * Keeps an attempt for later, as an open member without a record. What its producer has written of it in Kafka does not
 * count then: whoever executed that was not allowed to, and it goes out once it is.
 */
export const hold = (
  draft: Draft,
  n: number,
  { adopted: _, ...what }: Attempt,
  why: Omit<Held, "since">,
): void => {
  const held = { ...why, since: draft.at };
  draft.lifetime.members.set(n, { ...begun(what), phase: "held", input: 0, due: NEVER, resent: 0, held });
};

/** Field by field: what an earlier attempt met is not for this one. */
const begun = (from: Attempt): Attempt => {
  const { kind, node, iteration, wave, parents, scopes, attempt, expired, before } = from;
  const { approved, parameters, adopted } = from;
  const what = { kind, node, iteration, wave, parents, attempt, expired };
  const more = { ...(scopes && { scopes }), ...(before !== undefined && { before }) };
  return {
    ...what,
    ...more,
    ...(adopted && { adopted }),
    ...(approved && { approved }),
    ...(parameters && { parameters }),
  };
};

/** What was held for this cause is issued in the order in which it was held; policy and budget are asked again. */
export const release = (draft: Draft, cause: HoldCause): void => {
  const freed = heldFor(draft, cause);
  if (freed.length > 0) attempt(draft, freed);
};

export const heldFor = (draft: Draft, cause: HoldCause): Attempts => {
  const held = [...draft.lifetime.members.entries()].filter(
    ([, { phase, held }]) => phase === "held" && held?.cause === cause,
  );
  return held.sort(([a, one], [b, other]) => (one.held?.since ?? 0) - (other.held?.since ?? 0) || a - b);
};

/** Puts one attempt, which has been allowed, on its topic, and under a lease or to wait. */
export const open = (draft: Draft, n: number, what: Attempt, reserved?: Reservation): void => {
  const node = draft.graph.node(what.node);
  const member: Member = {
    ...begun(what),
    phase: "issued",
    input: draft.tail,
    due: leaseEnd(draft, node),
    resent: 0,
    ...(reserved && { reserved }),
  };
  const header = headerOf(draft.lifetime.head, n, member);
  append(draft, {
    type: "input",
    kind: member.kind,
    header: encodeOwnHeader(header),
    decoded: header,
    carries: member.parents.map((parent) => parent.offset),
    withoutResult: member.parents.filter((parent) => parent.ignored).map((parent) => parent.offset),
    ...(member.parameters && { parameters: member.parameters }),
    ...(draft.guard?.policies && { policies: draft.guard.policies.version }),
    ...(reserved && { estimate: reserved.amounts }),
    ...(node.executor === "kafka" && { kafka: member.adopted ? ("in" as const) : ("out" as const) }),
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
  if (executor !== undefined) {
    draft.lifetime.head.elsewhere = true;
    return;
  }
  draft.effects.push({
    type: "dispatch",
    n,
    attempt: member.attempt,
    node: member.node,
    epoch: draft.lifetime.head.epoch,
    offset: member.input,
    due: member.due,
    ...(member.reserved && allowanceOf(draft, member.node, member.reserved)),
  });
};
