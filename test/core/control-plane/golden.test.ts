// Without this, a new release could route a lifetime otherwise than the one that started it, or fail to load it.
import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { LifetimeEvent } from "../../../src/control-plane/event.ts";
import { type Lifetime, STATE_VERSION } from "../../../src/control-plane/lifetime.ts";
import { reduce } from "../../../src/control-plane/reduce.ts";
import { loadStored, storedWrite } from "../../../src/control-plane/stored.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { indexGraph } from "../../../src/graph/lookup.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import { type RecordedState, type Recording, read, stored } from "./record.ts";

const replay = (graph: Graph, from: Lifetime | undefined, events: readonly LifetimeEvent[]) => {
  const index = indexGraph(graph);
  const log: LogRecord[] = [];
  let state = from;
  for (const event of events) {
    const step = reduce(state, event, index);
    for (const effect of step.effects) if (effect.type === "append") log.push(stored(effect.record));
    state = step.state;
  }
  if (state === undefined) throw new Error("nothing was recorded");
  return { state, log };
};

test("the recorded lifetime replays to the same log, byte for byte, and to the same state", () => {
  const { graph, events, log, state } = read<Recording>("lifetime.json");
  const replayed = replay(graph, undefined, events);
  expect(replayed.log).toEqual(log);
  expect(storedWrite(replayed.state, false).state).toBe(state);
  expect(replayed.state.head.status).toBe("SUCCEEDED");
});

const VERSION = /^state-v(\d+)(-\d+)?\.json$/;
const recordings = readdirSync("test/fixtures").filter((name) => VERSION.test(name));

test("there are recorded states of every version", () => {
  const versions = new Set(recordings.map((name) => VERSION.exec(name)?.[1]));
  expect([...versions].sort()).toEqual(Array.from({ length: STATE_VERSION }, (_, i) => `${i + 1}`));
});

test("the recorded states show what a lifetime can be in", () => {
  const states = recordings.flatMap((name) =>
    Object.values(read<Record<string, RecordedState>>(name)).map(
      ({ stored: { state, cells } }) => loadStored(state, () => cells).lifetime,
    ),
  );
  const members = states.flatMap((state) => [...state.members.entries()].map(([, member]) => member));
  const waves = states.flatMap((state) => [...state.waves.entries()].map(([, wave]) => wave));
  const heads = states.map(({ head }) => head);
  const shown: unknown[] = [
    ...members.map(({ phase }) => phase),
    ...[...members, ...waves, ...heads].flatMap((each) => Object.keys(each)),
    ...states.flatMap(({ gatherings, endings }) => [
      gatherings.size && "gatherings",
      endings.size && "endings",
    ]),
  ];
  expect(shown).toEqual(
    expect.arrayContaining([
      ...["issued", "waiting", "backoff", "held", "done", "stopped"],
      ...["holds", "left", "waiting", "since", "withdrawn", "signals", "reason"],
      ...["waits", "scopes", "arrived", "gatherings"],
    ]),
  );
});

describe.each(recordings)("of %s", (name) => {
  test.each(Object.entries(read<Record<string, RecordedState>>(name)))(
    "the state stored as %s loads and goes on to the same end, with the same ids",
    (_, { graph, stored: { state, cells }, events, log }) => {
      const { lifetime } = loadStored(state, () => cells);
      const replayed = replay(graph, lifetime, events);
      expect(replayed.log).toEqual(log);
      expect(replayed.state.head.status).toBe("SUCCEEDED");
    },
  );
});
