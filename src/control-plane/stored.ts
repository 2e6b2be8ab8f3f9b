/**
 * A lifetime ↔ what is stored of it. A small one is one text; one that has outgrown it is a head and a row
 * for each entry, and a step then writes only the entries that it touched.
 */
import { Cells } from "./cells.ts";
import { type Head, type Lifetime, PARTS, type Part, RARE_PARTS, STATE_VERSION } from "./lifetime.ts";

/** Over this many entries a state goes to rows; below it, one row is cheaper than several. */
export const INLINE_ENTRIES_MAX = 64;

interface Text {
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

const entriesOf = (lifetime: Lifetime): number => PARTS.reduce((sum, part) => sum + lifetime[part].size, 0);

/** What to write; `spilled` says how it is stored so far. A state that has spilled stays so. */
export const storedWrite = (lifetime: Lifetime, spilled: boolean): StoredWrite => {
  const { head } = lifetime;
  if (!spilled && entriesOf(lifetime) <= INLINE_ENTRIES_MAX) {
    const parts = Object.fromEntries(
      PARTS.filter((part) => lifetime[part].size > 0 || !RARE_PARTS.includes(part)).map((part) => [
        part,
        [...entries(lifetime, part)],
      ]),
    );
    return { state: JSON.stringify({ v: STATE_VERSION, head, parts }), cells: [], spilled: false };
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
  return { state: JSON.stringify({ v: STATE_VERSION, head }), cells, spilled: true };
};

const entries = (lifetime: Lifetime, part: Part): Iterable<readonly [unknown, unknown]> =>
  lifetime[part].entries();
const changes = (lifetime: Lifetime, part: Part): Iterable<readonly [unknown, unknown]> =>
  lifetime[part].changes();

/** `cellsOf` is asked only when the entries are in rows. */
export const loadStored = (
  state: string,
  cellsOf: () => Iterable<Cell>,
): { lifetime: Lifetime; spilled: boolean } => {
  const text = JSON.parse(state) as Text;
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
