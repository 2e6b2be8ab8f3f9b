// Without this, some graph that nobody thought of could lose a branch, fire a join twice or never end.
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { type Scope, settleLifetime } from "../../../src/control-plane/lifetime.ts";
import { reduce } from "../../../src/control-plane/reduce.ts";
import { ROOT_NAME } from "../../../src/control-plane/root.ts";
import { gatheringKey } from "../../../src/control-plane/scopes.ts";
import { isWaiting } from "../../../src/control-plane/standing.ts";
import { type Cell, loadStored, storedWrite } from "../../../src/control-plane/stored.ts";
import { decodeExecution } from "../../../src/wire/codec.ts";
import { Play } from "../../fixtures/play.ts";
import { anyWalk, plain, type Seen, walk } from "./walk.ts";

vi.setConfig({ testTimeout: 120_000 });

const RUNS = { numRuns: 500 };

const holds = (name: string, see: (seen: Seen) => void, end: (play: Play) => void = () => {}): void => {
  test(name, () => {
    fc.assert(
      fc.property(anyWalk, ([graph, moves]) => {
        end(walk(graph, moves, see));
      }),
      RUNS,
    );
  });
};

/** The node that a record of the log is an execution of. */
const nodeAt = (play: Play, offset: number): string => {
  const record = play.log[offset - 1];
  if (record?.type === "lifetime_started") return ROOT_NAME;
  if (record?.type !== "execution") throw new Error(`offset ${offset} is a ${record?.type}`);
  const decoded = decodeExecution(record.kind, record.message);
  return (decoded.ok && decoded.value.header?.name) || "";
};

holds(
  "every lifetime ends once its inputs are answered, within its bounds",
  () => {},
  (play) => {
    expect(play.head.endedAt).toBeDefined();
    expect(play.head.steps).toBeLessThanOrEqual(play.index.graph.bounds.stepsMax);
    expect(play.executions()).toHaveLength(play.head.steps);
  },
);

holds(
  "kinds alternate on every path, and every path is one of the graph",
  () => {},
  (play) => {
    for (const { header, carries } of play.inputs())
      for (const offset of carries) {
        const from = nodeAt(play, offset);
        if (from === ROOT_NAME) expect(play.index.entries).toContain(header.name);
        else {
          expect(play.index.down(from)).toContain(header.name);
          expect(play.index.node(from).type).not.toBe(play.index.node(header.name).type);
        }
      }
  },
);

holds(
  "what is asked for is downstream of what happened, a merge that waited for it, or the same node again",
  ({ play, before, event, effects }) => {
    const touched = (): string[] => {
      if (before === undefined) return [];
      if (event.type === "execution_arrived") return [before.members.get(event.n)?.node ?? ""];
      return [...before.members.entries()].map(([, member]) => member.node);
    };
    const from = touched();
    const held = [...(before?.members.entries() ?? [])].filter(([, { phase }]) => phase === "held");
    const below = (node: string) => [
      ...play.index.down(node),
      ...(play.index.merges?.reachedFrom(node) ?? []),
    ];
    const allowed = new Set(before ? from.flatMap(below) : play.index.entries);
    if (event.type !== "execution_arrived") for (const node of from) allowed.add(node);
    for (const [, { node }] of held) allowed.add(node);
    for (const effect of effects) if (effect.type === "dispatch") expect([...allowed]).toContain(effect.node);
  },
);

holds(
  "outstanding is what is open, and the timer is no later than the earliest deadline",
  ({ play, after }) => {
    const { head, members, waves } = after;
    const open = [...members.entries()].filter(([, { phase }]) => phase !== "done" && phase !== "stopped");
    expect(head.outstanding).toBe(open.length);
    expect(head.waiting ?? 0).toBe(open.filter(([, member]) => isWaiting(member)).length);
    expect(head.endedAt === undefined).toBe(open.length > 0);
    if (head.endedAt !== undefined) return;
    for (const [, member] of open) expect(head.due).toBeLessThanOrEqual(member.due);
    expect(head.due).toBeLessThanOrEqual(head.deadline);
    for (const [number, wave] of waves.entries()) {
      const inWave = open.filter(([, member]) => member.wave === number);
      expect(wave.open).toBe(inWave.length);
      const waiting: Record<string, number> = {};
      for (const [, { node }] of inWave)
        for (const plan of play.index.down(node)) {
          const { join } = play.index.node(plan);
          const hasFired = typeof join === "object" && !Object.hasOwn(wave.joins, plan);
          if (join !== "each" && join !== "merge" && !hasFired) waiting[plan] = (waiting[plan] ?? 0) + 1;
        }
      expect(wave.joins).toEqual(waiting);
    }
    for (const [, member] of members.entries())
      if (member.kind === "plan") expect(member.wave).toBe(0);
      else expect(waves.get(member.wave) !== undefined || (member.scopes ?? []).length > 0).toBe(true);
  },
);

holds(
  "while a lifetime is paused nothing is issued, and while it is not only approvals hold anything",
  ({ event, effects, after }) => {
    const { head, members } = after;
    if (head.endedAt !== undefined) return;
    const held = [...members.entries()].filter(([, each]) => each.phase === "held" && !isWaiting(each));
    const paused = head.holds !== undefined;
    const recalls = effects.some(({ type }) => type === "recall");
    const status = head.waiting === head.outstanding ? "WAITING" : "RUNNING";
    if (!recalls) expect(head.status).toBe(paused ? "PAUSED" : status);
    if (!paused) expect(held).toEqual([]);
    const issued = effects.filter((each) => each.type === "append" && each.record.type === "input");
    // Another pause may have been lifted before this one.
    if (paused && event.type !== "pause_requested") expect(issued).toEqual([]);
  },
);

holds("a merge counts what is open and may lead to it, and is kept for no longer", ({ play, after }) => {
  const { head, members, waves, gatherings } = after;
  if (head.status === "SUCCEEDED" || head.status === "CANCELED") expect(gatherings.size).toBe(0);
  if (head.endedAt !== undefined) return;
  const open = new Map<string, number>();
  const arrived = new Map<string, number>();
  const count = (counts: Map<string, number>, scopes: readonly Scope[] = []) => {
    for (const scope of scopes) counts.set(gatheringKey(scope), (counts.get(gatheringKey(scope)) ?? 0) + 1);
  };
  for (const [, { kind, node, phase, wave, scopes }] of members.entries()) {
    const leads = play.index.merges?.reachedFrom(node) ?? [];
    const within = kind === "plan" ? scopes : waves.get(wave)?.scopes;
    if (phase === "done") count(arrived, scopes);
    else
      count(
        open,
        within?.filter(({ merge }) => leads.includes(merge)),
      );
  }
  for (const [, gathering] of gatherings.entries()) if (gathering.arrived > 0) count(open, gathering.scopes);
  for (const [key, gathering] of gatherings.entries()) {
    expect(gathering.open).toBe(open.get(key));
    expect(gathering.arrived).toBe(arrived.get(key) ?? 0);
  }
  expect(gatherings.size).toBe(open.size);
});

holds(
  "a join fires at most once per wave and node",
  () => {},
  (play) => {
    const inputs = play.log.filter((record) => record.type === "input");
    const waveOf = new Map<string, number>();
    for (const [i, { header }] of play.inputs().entries())
      waveOf.set(header.inputId, inputs[i]?.carries[0] ?? 0);
    const fired: string[] = [];
    for (const { header, carries } of play.inputs()) {
      if (play.index.node(header.name).type !== "plan" || header.attempt > 1) continue;
      const waves = carries.map((offset) => {
        const record = play.log[offset - 1];
        if (record?.type !== "execution") return 0;
        const decoded = decodeExecution(record.kind, record.message);
        return waveOf.get((decoded.ok && decoded.value.header?.inputId) || "");
      });
      // merges.test.ts says what a merge fires with.
      const { join } = play.index.node(header.name);
      if (join !== "merge" || header.iterationIdx === 0) expect(carries.length).toBeGreaterThan(0);
      if (join !== "merge") expect(new Set(waves).size).toBe(1);
      if (typeof join === "object" && waves[0] !== 0) expect(carries).toHaveLength(join.first);
      fired.push(`${header.name} ${join === "each" || join === "merge" ? carries.join() : waves[0]}`);
    }
    expect(new Set(fired).size).toBe(fired.length);
  },
);

holds(
  "an execution, a cancel or a heartbeat that comes twice changes nothing but a stray",
  ({ play, event, effects, after }) => {
    // Its turn goes on with what the log answers.
    if (effects.some(({ type }) => type === "recall")) return;
    if (["started", "time_passed", "dispatch_lost", "restarted", "signal_received"].includes(event.type))
      return;
    const seen = structuredClone(plain(after));
    const again = reduce(after, { ...event, tail: play.log.length + 1 }, play.index);
    expect(plain(again.state)).toEqual(seen);
    expect(again.effects.map(({ type }) => type)).toEqual(
      event.type === "execution_arrived" ? ["set_aside"] : [],
    );
  },
);

holds("the state that goes into a step is not touched by it", ({ play, before, event }) => {
  if (before === undefined) return;
  const seen = structuredClone(plain(before));
  reduce(before, event, play.index);
  expect(plain(before)).toEqual(seen);
});

holds(
  "a lifetime that has ended asks for nothing, unless it is retried",
  () => {},
  (play) => {
    const ended = play.state && plain(play.state);
    for (const { at: _, tail: __, ...event } of [...play.events]) {
      if (event.type === "started" || event.type === "retry_requested") continue;
      play.reduce(event);
      for (const effect of play.effects) expect(effect.type).toBe("set_aside");
      expect(play.state && plain(play.state)).toEqual(ended);
    }
  },
);

test("whenever it is paused and resumed, a lifetime runs what it would have run without", () => {
  const nodesOf = (play: Play): string[] =>
    play
      .executions()
      .map(({ header }) => header.name)
      .sort();
  let compared = 0;
  fc.assert(
    fc.property(anyWalk, fc.infiniteStream(fc.nat({ max: 5 })), ([graph], pauses) => {
      // Whom a join of the first few withdraws depends on who is first.
      if (graph.nodes.some(({ join }) => typeof join === "object")) return;
      const plain = walk(graph, [], () => {});
      if (plain.head.status !== "SUCCEEDED") return;
      compared++;
      const play = Play.start(graph);
      while (play.head.endedAt === undefined) {
        const choice = pauses.next().value;
        if (choice === 0) play.reduce({ type: "pause_requested", detail: "" });
        const [n] = play.open("issued")[0] ?? [];
        if (choice === 1 || (n === undefined && play.head.holds)) play.reduce({ type: "resume_requested" });
        else if (n === undefined) play.pass(1_000);
        else play.answerInput(n, { tasks: play.index.down(play.member(n).node) });
      }
      expect(nodesOf(play)).toEqual(nodesOf(plain));
    }),
    RUNS,
  );
  expect(compared).toBeGreaterThan(0);
});

test("the same events give the same states, ids and effects, whatever has been settled in between", () => {
  fc.assert(
    fc.property(anyWalk, fc.infiniteStream(fc.boolean()), ([graph, moves], settles) => {
      const steps: Seen[] = [];
      const { events, index } = walk(graph, moves, (seen) => steps.push(seen));
      let state: Seen["before"];
      for (const [i, event] of events.entries()) {
        const step = reduce(state, event, index);
        expect(step.effects).toEqual(steps[i]?.effects);
        expect(plain(step.state)).toEqual(steps[i] && plain(steps[i].after));
        if (settles.next().value) settleLifetime(step.state);
        state = step.state;
      }
    }),
    RUNS,
  );
});

test("a state that is stored after every step and loaded again is the same, as one text or in rows", () => {
  fc.assert(
    fc.property(anyWalk, fc.boolean(), ([graph, moves], rows) => {
      const table = new Map<string, Cell>();
      // Nothing of a fresh lifetime is settled yet, so its first write in rows is a complete one.
      let spilled = rows;
      walk(graph, moves, ({ after }) => {
        const write = storedWrite(after, spilled);
        ({ spilled } = write);
        for (const cell of write.cells)
          if (cell.value === undefined) table.delete(`${cell.part} ${cell.key}`);
          else table.set(`${cell.part} ${cell.key}`, cell);
        const loaded = loadStored(write.state, () => table.values());
        expect(plain(loaded.lifetime)).toEqual(JSON.parse(JSON.stringify(plain(after))));
        settleLifetime(after);
      });
    }),
    RUNS,
  );
});

holds(
  "an approval closes once, what it held is issued only if it was approved, and nothing is open after the end",
  () => {},
  (play) => {
    const open = new Set<string>();
    const closed = new Map<string, string>();
    const approved = new Set<string>();
    for (const record of play.log) {
      if (record.type === "approval_opened") {
        expect([...open].filter((id) => id.startsWith(`${record.input}:`))).toEqual([]);
        open.add(record.approval);
      } else if (record.type === "approval_changed") expect(open.has(record.approval)).toBe(true);
      else if (record.type === "approval_closed") {
        expect(open.delete(record.approval)).toBe(true);
        expect(closed.has(record.approval)).toBe(false);
        closed.set(record.approval, record.outcome);
        if (record.outcome === "approved") approved.add(record.approval);
      } else if (record.type === "input") {
        const input = record.decoded?.inputId ?? "";
        expect([...open].filter((id) => id.startsWith(`${input}:`))).toEqual([]);
      }
    }
    expect([...open]).toEqual([]);
    expect(JSON.stringify([...(play.state?.members.entries() ?? [])])).not.toContain("opened");
  },
);
