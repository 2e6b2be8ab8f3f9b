/**
 * A lifetime ↔ what is stored of it. A small one is one text, and a step adds what it has changed of it; one that
 * has outgrown it is a head and a row for each entry, and a step then writes only the entries that it touched.
 */
import { STATE_TEXT_CHARS_MAX } from "../limits.ts";
import { Cells } from "./cells.ts";
import { type Head, type Lifetime, PARTS, type Part, RARE_PARTS, STATE_VERSION } from "./lifetime.ts";

/** Over this many entries a state goes to rows; below it, one row is cheaper than several. */
export const INLINE_ENTRIES_MAX = 64;

/** The whole of a state, but for entries in rows. */
export interface Text {
  readonly v: number;
  readonly head: Head;
  /** Absent when the entries are in rows. */
  readonly parts?: Readonly<Partial<Record<Part, readonly (readonly [unknown, unknown])[]>>>;
}

/** One entry of a part; without a value it was deleted. */
export interface Cell {
  readonly part: Part;
  /** JSON, because some parts are keyed by number and some by name. */
  readonly key: string;
  readonly value?: string;
}

export interface StoredWrite {
  readonly state: string;
  readonly cells: readonly Cell[];
  /** Whether the entries are in rows from now on. */
  readonly spilled: boolean;
}

/** What a step has changed: of the head, and of each part its entries. Null stands for what is gone. */
export interface Change {
  readonly head: Readonly<Record<string, unknown>>;
  readonly parts: Readonly<Partial<Record<Part, readonly (readonly [unknown, unknown])[]>>>;
}

/** Whether it is small enough for one text. */
export const isSmall = (lifetime: Lifetime): boolean => {
  let entries = 0;
  for (const part of PARTS) entries += lifetime[part].size;
  return entries <= INLINE_ENTRIES_MAX;
};

/** What has changed since it was last settled, when its head was this. */
export const changeOf = (was: Head, lifetime: Lifetime): Change => {
  const head: Record<string, unknown> = {};
  const [before, now] = [was as unknown as Record<string, unknown>, lifetime.head as unknown as typeof head];
  for (const key in now) if (now[key] !== before[key]) head[key] = now[key];
  for (const key in before) if (now[key] === undefined && before[key] !== undefined) head[key] = null;
  const parts: Partial<Record<Part, [unknown, unknown][]>> = {};
  for (const part of PARTS) {
    const changed = changes(lifetime, part);
    if (changed.size > 0) parts[part] = [...changed];
  }
  return { head, parts };
};

/** Brings a lifetime, of which nothing is unsettled, to where it was after the change. */
export const redone = (lifetime: Lifetime, { head, parts }: Change): Lifetime => {
  const { head: was, ...cells } = lifetime;
  const now: Record<string, unknown> = { ...was, ...head };
  for (const key in head) if (head[key] === null) delete now[key];
  for (const part of PARTS) {
    const each = cells[part] as Cells<unknown, unknown>;
    for (const [key, value] of parts[part] ?? []) {
      if (value === null) each.delete(key);
      else each.set(key, value);
    }
    each.settle();
  }
  return { ...cells, head: now as unknown as Head };
};

/** Of a small one. */
export const textOf = (lifetime: Lifetime): Text => {
  const parts: Partial<Record<Part, readonly (readonly [unknown, unknown])[]>> = {};
  for (const part of PARTS)
    if (lifetime[part].size > 0 || !RARE_PARTS.includes(part)) parts[part] = [...entries(lifetime, part)];
  return { v: STATE_VERSION, head: lifetime.head, parts };
};

/** What to write; `spilled` says how it is stored so far. A state that has spilled stays so. */
export const storedWrite = (lifetime: Lifetime, spilled: boolean): StoredWrite => {
  if (!spilled && isSmall(lifetime)) {
    const state = JSON.stringify(textOf(lifetime));
    if (state.length <= STATE_TEXT_CHARS_MAX) return { state, cells: [], spilled: false };
  }
  const cells: Cell[] = [];
  for (const part of PARTS) {
    const changed = spilled ? changes(lifetime, part) : entries(lifetime, part);
    for (const [key, value] of changed)
      cells.push({
        part,
        key: JSON.stringify(key),
        ...(value !== undefined && { value: JSON.stringify(value) }),
      });
  }
  return { state: JSON.stringify({ v: STATE_VERSION, head: lifetime.head }), cells, spilled: true };
};

const entries = (lifetime: Lifetime, part: Part): Iterable<readonly [unknown, unknown]> =>
  lifetime[part].entries();
const changes = (lifetime: Lifetime, part: Part): ReadonlyMap<unknown, unknown> => lifetime[part].changes();

/** `cellsOf` is asked only when the entries are in rows. */
export const loadStored = (
  state: string,
  cellsOf: () => Iterable<Cell>,
): { lifetime: Lifetime; spilled: boolean } => {
  return loadText(JSON.parse(state) as Text, cellsOf);
};

export const loadText = (
  text: Text,
  cellsOf: () => Iterable<Cell> = () => [],
): { lifetime: Lifetime; spilled: boolean } => {
  if (text.v > STATE_VERSION) throw new Error(`the state has version ${text.v}; deploy code that knows it`);
  const parts = new Map<Part, (readonly [unknown, unknown])[]>(
    PARTS.map((part) => [part, [...(text.parts?.[part] ?? [])]]),
  );
  if (text.parts === undefined)
    for (const { part, key, value } of cellsOf())
      parts.get(part)?.push([JSON.parse(key), JSON.parse(value ?? "null")]);
  const cells = (part: Part) => Cells.of(parts.get(part)) as never;
  return {
    lifetime: {
      head: text.head,
      members: cells("members"),
      waves: cells("waves"),
      iterations: cells("iterations"),
      endings: cells("endings"),
      gatherings: cells("gatherings"),
      repeats: cells("repeats"),
    },
    spilled: text.parts === undefined,
  };
};
