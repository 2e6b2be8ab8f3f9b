/**
 * A random walk through a random graph: executors that answer what they like in any order, time that passes,
 * dispatches that are lost. What a step does is seen by whoever walks.
 */
import fc from "fast-check";
import type { Effect } from "../../../src/control-plane/effect.ts";
import type { LifetimeEvent } from "../../../src/control-plane/event.ts";
import { type Hold, type Lifetime, PARTS } from "../../../src/control-plane/lifetime.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import type { Ballot } from "../../../src/guardrails/approval.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { anyGraph } from "../../fixtures/graphs.ts";
import { type Answer, Play } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";

type Happens = "answer" | "pass" | "signal" | "lose" | "miss" | "beat" | "lose all" | "cancel" | "retry";
/** A lifetime learns of a pause of its graph or tenant at once or with whatever happens next. */
type Pausing = "pause" | "resume" | "hold graph" | "hold tenant" | "lift graph" | "lift tenant" | "align";

/** People who answer, and policies that want approvals of inputs and then do not. */
type Guarding = "approve" | "edit" | "reject" | "delegate" | "guard" | "unguard";

export interface Move {
  readonly what: Happens | Pausing | Guarding;
  /** Which of the issued inputs. */
  readonly which: number;
  readonly status: "succeed" | "fail" | "never" | "skip" | "unfinished";
  /** Bits: which of the tasks a plan names. */
  readonly tasks: number;
  readonly unknown: boolean;
  readonly edge: number;
  readonly ms: number;
}

export const anyMove: fc.Arbitrary<Move> = fc.record({
  what: fc.oneof(
    { weight: 60, arbitrary: fc.constant("answer" as const) },
    { weight: 12, arbitrary: fc.constant("pass" as const) },
    { weight: 6, arbitrary: fc.constant("signal" as const) },
    { weight: 5, arbitrary: fc.constantFrom("lose", "miss", "beat", "lose all") },
    { weight: 1, arbitrary: fc.constant("cancel" as const) },
    { weight: 4, arbitrary: fc.constantFrom<Pausing>("pause", "resume", "resume", "align") },
    {
      weight: 4,
      arbitrary: fc.constantFrom<Pausing>("hold graph", "hold tenant", "lift graph", "lift tenant"),
    },
    { weight: 6, arbitrary: fc.constant("retry" as const) },
    { weight: 8, arbitrary: fc.constantFrom<Guarding>("approve", "approve", "edit", "reject", "delegate") },
    { weight: 4, arbitrary: fc.constantFrom<Guarding>("guard", "unguard") },
  ),
  which: fc.nat({ max: 20 }),
  status: fc.oneof(
    { weight: 8, arbitrary: fc.constant("succeed" as const) },
    { weight: 3, arbitrary: fc.constantFrom("fail" as const, "never" as const, "skip" as const) },
    { weight: 1, arbitrary: fc.constant("unfinished" as const) },
  ),
  tasks: fc.nat({ max: 1023 }),
  unknown: fc.boolean(),
  edge: fc.nat({ max: 6 }),
  ms: fc.oneof(fc.nat({ max: 800 }), fc.nat({ max: 8_000 })),
});

export const anyWalk = fc.tuple(anyGraph, fc.array(anyMove, { maxLength: 60, size: "max" }));

const ERRORS = { fail: "flaky: no", never: "fatal: no" } as const;

const answerOf = (play: Play, node: string, move: Move): Answer => {
  const down = play.index.down(node);
  const named = down.filter((_, i) => (move.tasks >> i) & 1);
  const edge = down[move.edge];
  return {
    tasks: move.unknown ? ["nobody", ...named] : named,
    ...(edge && play.index.node(node).type === "task" && { edge }),
    ...(move.status === "skip" && { status: ExecutionStatus.SKIPPED }),
    ...(move.status === "unfinished" && { status: ExecutionStatus.RUNNING }),
    ...((move.status === "fail" || move.status === "never") && { error: ERRORS[move.status] }),
  };
};

const withoutScope = ({ holds = [] }: Play, named: Hold["scope"]): readonly Hold[] =>
  holds.filter(({ scope }) => scope !== named);

const hold = (play: Play, scope: Hold["scope"]): void => {
  play.holds = [...withoutScope(play, scope), { scope, detail: `${scope} is held`, since: play.at }];
};

const lift = (play: Play, scope: Hold["scope"]): void => {
  const left = withoutScope(play, scope);
  play.holds = left.length > 0 ? left : undefined;
};

const PEOPLE = ["ada", "bob", "cleo"];

const BALLOTS = {
  approve: { type: "approve" },
  edit: { type: "approve", edit: { at: 1 } },
  reject: { type: "reject" },
  delegate: { type: "delegate", to: "dora" },
} as const satisfies Record<string, Ballot>;

/** Somebody answers an approval that is open, or one that has been. */
const answer = (play: Play, what: keyof typeof BALLOTS, which: number): void => {
  const opened = play.log.filter((record) => record.type === "approval_opened");
  const record = opened[opened.length - 1 - (which % Math.max(1, Math.min(opened.length, 3)))];
  if (record === undefined) return;
  const n = Number(record.input.split(":").at(-1));
  const voter = { name: PEOPLE[which % PEOPLE.length] ?? "", roles: which % 2 ? ["operator"] : [] };
  play.reduce({ type: "approval_answered", n, opened: record.offset, voter, ballot: BALLOTS[what] });
};

/** Wants every other pass through any node approved, and decides by itself after a while. */
const GUARD = policies(`
name: every-other
on: [plan_input, task_input]
when: input.iteration % 2 == 1 || node.name.endsWith("1")
action: REQUIRE_APPROVAL
message: look first
approval: { who: [ada, bob, "role:operator"], quorum: 1, due: 600ms, on_expiry: approve }
`);

const make = (play: Play, move: Move): void => {
  const issued = play.open("issued");
  const [n, member] = issued[move.which % Math.max(issued.length, 1)] ?? [];
  if (move.what === "cancel") play.reduce({ type: "cancel_requested", detail: "" });
  else if (move.what === "retry") play.reduce({ type: "retry_requested", detail: "" });
  else if (move.what === "signal") play.signal(`s${move.which % 2}`, move.which);
  else if (move.what === "pause") play.reduce({ type: "pause_requested", detail: "asked to" });
  else if (move.what === "resume") play.reduce({ type: "resume_requested" });
  else if (move.what === "align") play.reduce({ type: "holds_changed" });
  else if (move.what === "hold graph") hold(play, "graph");
  else if (move.what === "hold tenant") hold(play, "tenant");
  else if (move.what === "lift graph") lift(play, "graph");
  else if (move.what === "lift tenant") lift(play, "tenant");
  else if (move.what === "guard") play.guard = GUARD;
  else if (move.what === "unguard") play.guard = undefined;
  else if (Object.hasOwn(BALLOTS, move.what)) answer(play, move.what as keyof typeof BALLOTS, move.which);
  else if (move.what === "lose all") play.reduce({ type: "restarted" });
  else if (move.what === "pass" || n === undefined || member === undefined) play.pass(move.ms);
  else if (move.what === "answer") play.answerInput(n, answerOf(play, member.node, move));
  else if (move.what === "beat") play.reduce({ type: "heartbeat_received", n, attempt: member.attempt });
  else {
    const type = move.what === "miss" ? "executor_missing" : "dispatch_lost";
    play.reduce({ type, inputs: [{ n, attempt: member.attempt }] });
  }
};

export interface Seen {
  readonly play: Play;
  readonly before: Lifetime | undefined;
  readonly event: LifetimeEvent;
  readonly effects: readonly Effect[];
  readonly after: Lifetime;
}

/** Makes the moves, resumes what is paused, and then makes none but answers until the lifetime has ended. */
export const walk = (
  graph: Graph,
  moves: readonly Move[],
  see: (seen: Seen) => void,
  guard?: Play["guard"],
): Play => {
  const play = new Play(graph);
  play.guard = guard;
  play.begin();
  let before: Lifetime | undefined;
  play.seen = () => {
    const event = play.events.at(-1);
    if (event && play.state) see({ play, before, event, effects: play.effects, after: play.state });
    before = play.state;
  };
  play.seen();
  for (const move of moves) {
    // Of what has ended only a retry could make more.
    if (play.head.endedAt === undefined || move.what === "retry") make(play, move);
  }
  if (play.head.endedAt === undefined) {
    play.holds = undefined;
    play.reduce({ type: "resume_requested" });
  }
  // Each answer is a step and each step is counted, so the bound on steps bounds this.
  for (let left = 4 * graph.bounds.stepsMax; left > 0 && play.head.endedAt === undefined; left--) {
    const [n] = play.open("issued")[0] ?? [];
    if (n === undefined) play.pass(1_000);
    else play.answerInput(n, { tasks: play.index.down(play.member(n).node) });
  }
  return play;
};

/** A state as plain values, whatever has been settled in it. */
export const plain = (lifetime: Lifetime) => ({
  head: lifetime.head,
  ...Object.fromEntries(
    PARTS.map((part) => [
      part,
      Object.fromEntries([...(lifetime[part].entries() as Iterable<[number | string, unknown]>)]),
    ]),
  ),
});
