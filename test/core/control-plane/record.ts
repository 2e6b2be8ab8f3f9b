/**
 * Records the golden lifetime and the states of the present version: `node test/core/control-plane/record.ts`.
 * A change of the wire or of what the reducer decides records the lifetime again, in its own commit's diff; the
 * states of a version that was released are never recorded again, because they are on people's disks.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { LifetimeEvent } from "../../../src/control-plane/event.ts";
import { type Lifetime, STATE_VERSION } from "../../../src/control-plane/lifetime.ts";
import { type StoredWrite, storedWrite } from "../../../src/control-plane/stored.ts";
import type { Graph, Node } from "../../../src/graph/graph.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import { decodeExecution } from "../../../src/wire/codec.ts";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";

const fixture = (name: string): string => `${import.meta.dirname}/../../fixtures/${name}`;

export interface Recording {
  readonly graph: Graph;
  readonly events: readonly LifetimeEvent[];
  readonly log: readonly LogRecord[];
  /** As it is stored at the end. */
  readonly state: string;
}

export interface RecordedState {
  readonly graph: Graph;
  readonly stored: StoredWrite;
  /** What happens to it next, and what has to come of it. */
  readonly events: readonly LifetimeEvent[];
  readonly log: readonly LogRecord[];
}

const BYTES = "$base64";

/** What is encoded beside it is kept as bytes only. */
const write = (name: string, value: unknown): void => {
  const text = JSON.stringify(
    value,
    (key, each) => {
      if (key === "execution") return undefined;
      return each instanceof Uint8Array ? { [BYTES]: Buffer.from(each).toString("base64") } : each;
    },
    1,
  );
  writeFileSync(fixture(name), `${text}\n`);
};

/** Without what a record has only while it is at hand. */
export const stored = (record: LogRecord): LogRecord => {
  if (record.type === "input") {
    const { decoded: _, ...kept } = record;
    return kept;
  }
  if (record.type !== "execution") return record;
  const { execution: _, input: __, ...kept } = record;
  return kept;
};

export const read = <T>(name: string): T =>
  JSON.parse(readFileSync(fixture(name), "utf8"), (_, each) => {
    if (typeof each?.[BYTES] === "string") return new Uint8Array(Buffer.from(each[BYTES], "base64"));
    if (each?.type !== "execution_arrived") return each;
    const decoded = decodeExecution(each.kind, each.message);
    if (!decoded.ok) throw new Error(decoded.error);
    return { ...each, execution: decoded.value };
  }) as T;

/** A redraft loop in which most of what can happen happens. */
const lifetime = (): Play => {
  const graph = graphOf(
    "Draft -> write cite check; write cite check -> Judge; check -> Alarm; Judge -> publish redo; redo -> Draft",
    {
      Draft: { entry: true },
      write: { retry: { attempts: 3 } },
      cite: { onFailure: "ignore", timeoutMs: 500 },
      check: { onFailure: "route" },
    },
  );
  const play = Play.start(graph).answer("Draft", { tasks: ["check", "write", "nobody", "cite"] });
  play.answer("write", { error: "busy: come again" }).pass(100);
  play.answer("check", { error: "no: not good", edge: "Judge" }).pass(1_500);
  const write = play.execution(3);
  play.arrive(3, write).arrive(3, write);
  play
    .answer("Judge", { tasks: ["redo"] })
    .reduce({ type: "restarted" })
    .answer("redo");
  play
    .answer("Draft", { status: ExecutionStatus.SKIPPED, tasks: ["check"] })
    .answer("check", { edge: "Alarm" });
  return play.answer("Alarm", { tasks: [] });
};

const tasks = Array.from({ length: 40 }, (_, i) => `t${i}`).join(" ");

/** A lifetime as far as it is stored, and what happens to it from there. */
type Open = () => readonly [Play, () => void];

const plain: Readonly<Record<string, Open>> = {
  inline: () => {
    const retry = { attempts: 2 };
    const play = Play.start(graphOf("A -> x y; x y -> B C", { x: { retry }, C: { join: "each" } })).answer(
      "A",
    );
    play.answer("x", { error: "busy: come again" }).answer("y", { edge: "B" });
    return [play, () => play.pass(100).answer("x").answer("C").answer("B")];
  },
  rows: () => {
    const play = Play.start(graphOf(`A -> ${tasks}; ${tasks} -> B`)).answer("A");
    for (let i = 0; i < 20; i++) play.answer(`t${i}`);
    const rest = () => {
      for (let i = 20; i < 40; i++) play.answer(`t${i}`);
      play.answer("B");
    };
    return [play, rest];
  },
};

/** What lifetimes could be in when pauses, waits, retries and the other joins had come. */
const rich: Readonly<Record<string, Open>> = {
  held: () => {
    const play = Play.start(graphOf("A -> x y; x y -> B; x -> C", { C: { join: "each" } })).answer("A");
    play.reduce({ type: "pause_requested", detail: "look at it" }).answer("x");
    play.holds = [{ scope: "tenant", detail: "an incident", since: play.at }];
    play.reduce({ type: "holds_changed" });
    const rest = () => {
      play.answer("y").reduce({ type: "resume_requested" });
      play.holds = undefined;
      play.reduce({ type: "holds_changed" }).answer("C").answer("B");
    };
    return [play, rest];
  },
  waiting: () => {
    const waits = (settings: Node["settings"]) => ({ kind: "wait", settings });
    const graph = graphOf("A -> x y; x y -> B; B -> z", {
      x: waits({ signal: "approve" }),
      y: waits({ for: 2_000 }),
      z: waits({ signal: "close" }),
    });
    const play = Play.start(graph).answer("A").signal("close", "thanks", "k1");
    return [play, () => play.signal("approve", { by: "ada" }, "k2").pass(2_000).answer("B")];
  },
  stopped: () => {
    const play = Play.start(graphOf("A -> x y; x y -> B", { x: { retry: { attempts: 2 } } })).answer("A");
    play.answer("x", { error: "busy: come again" }).pass(100).answer("x", { error: "no: not good" });
    const rest = () =>
      play.reduce({ type: "retry_requested", detail: "mended" }).answer("y").answer("x").answer("B");
    return [play, rest];
  },
  first: () => {
    const nodes = { B: { join: { first: 1 } }, C: { join: { first: 2 } } };
    const play = Play.start(graphOf("A -> x y z; x y z -> B; B -> u v w; u v w -> C", nodes));
    play.answer("A").answer("y").answer("B").answer("v");
    return [play, () => play.answer("w").answer("C")];
  },
  merge: () => {
    const text = "P -> a b; a -> A; A -> a2; b -> B; B -> b2; a2 b2 -> M";
    const play = Play.start(graphOf(text, { M: { join: "merge" } })).answer("P");
    play.answer("a").answer("A").answer("b").answer("a2");
    return [play, () => play.answer("B").answer("b2").answer("M")];
  },
};

const record = (states: Readonly<Record<string, Open>>): Record<string, RecordedState> =>
  Object.fromEntries(
    Object.entries(states).map(([name, open]) => {
      const [play, rest] = open();
      const write = storedWrite(play.state as Lifetime, false);
      const [events, log] = [play.events.length, play.log.length];
      rest();
      const { graph } = play.index;
      const later = { events: play.events.slice(events), log: play.log.slice(log).map(stored) };
      return [name, { graph, stored: write, ...later }];
    }),
  );

if (import.meta.main) {
  const play = lifetime();
  const { state } = storedWrite(play.state as Lifetime, false);
  write("lifetime.json", { graph: play.index.graph, events: play.events, log: play.log.map(stored), state });
  const states = { [`state-v${STATE_VERSION}.json`]: plain, [`state-v${STATE_VERSION}-2.json`]: rich };
  for (const [name, open] of Object.entries(states))
    if (!existsSync(fixture(name))) write(name, record(open));
}
