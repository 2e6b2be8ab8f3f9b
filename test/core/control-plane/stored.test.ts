// Without this, a deploy or an eviction could bring a lifetime back other than it was.
import { expect, test } from "vitest";
import { STATE_VERSION, settleLifetime } from "../../../src/control-plane/lifetime.ts";
import { type Cell, INLINE_ENTRIES_MAX, loadStored, storedWrite } from "../../../src/control-plane/stored.ts";
import { STATE_TEXT_CHARS_MAX } from "../../../src/limits.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";
import { plain } from "./walk.ts";

const many = Array.from({ length: INLINE_ENTRIES_MAX }, (_, i) => `t${i}`);
const WIDE = graphOf(`A -> ${many.join(" ")}; ${many.join(" ")} -> B`);

/** Stores as the object does: cells into a table, the state beside it. */
class Rows {
  readonly table = new Map<string, Cell>();
  spilled = false;
  written = 0;
  state = "";

  store(play: Play): void {
    if (play.state === undefined) throw new Error("not started");
    const write = storedWrite(play.state, this.spilled);
    this.written = write.cells.length;
    this.spilled = write.spilled;
    this.state = write.state;
    for (const cell of write.cells)
      if (cell.value === undefined) this.table.delete(`${cell.part} ${cell.key}`);
      else this.table.set(`${cell.part} ${cell.key}`, cell);
    settleLifetime(play.state);
  }

  load() {
    return loadStored(this.state, () => this.table.values());
  }
}

test("a small state is one text", () => {
  const rows = new Rows();
  rows.store(Play.start(graphOf("A -> x")));
  expect([rows.spilled, rows.table.size]).toEqual([false, 0]);
  expect(rows.load().spilled).toBe(false);
});

test("a state that outgrows its text goes to rows once, and then a step writes what it touched", () => {
  const rows = new Rows();
  const play = Play.start(WIDE);
  rows.store(play);
  rows.store(play.answer("A"));
  expect(rows.spilled).toBe(true);
  expect(rows.written).toBeGreaterThan(INLINE_ENTRIES_MAX);
  for (const task of many.slice(1)) {
    rows.store(play.answer(task));
    expect(rows.written).toBe(2);
    expect(plain(rows.load().lifetime)).toEqual(play.state && plain(play.state));
  }
  rows.store(play.answer("t0"));
  expect(plain(rows.load().lifetime)).toEqual(play.state && plain(play.state));
  expect(rows.load().spilled).toBe(true);
  play.state = rows.load().lifetime;
  expect(play.answer("B").head.status).toBe("SUCCEEDED");
});

test("a state of few entries that are long goes to rows as well", () => {
  const rows = new Rows();
  const play = Play.start(graphOf("A -> x"));
  const long = { text: "x".repeat(STATE_TEXT_CHARS_MAX) };
  for (const [n, member] of play.state?.members.entries() ?? [])
    play.state?.members.set(n, { ...member, parameters: long });
  rows.store(play);
  expect(rows.spilled).toBe(true);
  expect(rows.state.length).toBeLessThan(STATE_TEXT_CHARS_MAX);
  expect(plain(rows.load().lifetime)).toEqual(play.state && plain(play.state));
});

test("a state of a later version is refused, with what to do", () => {
  expect(() => loadStored(JSON.stringify({ v: STATE_VERSION + 1, head: {}, parts: {} }), () => [])).toThrow(
    /deploy/,
  );
});
