/**
 * Which executions of a lifetime led to one of them, and which came of it. One pass over them is enough, because an
 * execution is recorded after all its parents. Reads nothing itself.
 */

/** An execution of which nothing but its parents is known. */
export interface Link {
  readonly offset: number;
  readonly execId: string;
  readonly parents: readonly string[];
}

/** Says of each that it is given whether it belongs to the line. */
export type Belongs = (each: Link) => boolean;

/** To be given what is before it in the log, backwards. */
const ancestorsOf = ({ parents }: Link): Belongs => {
  const wanted = new Set(parents);
  return (each) => {
    if (!wanted.has(each.execId)) return false;
    for (const parent of each.parents) wanted.add(parent);
    return true;
  };
};

/** To be given what is after it in the log, in order. */
const descendantsOf = ({ execId }: Link): Belongs => {
  const line = new Set([execId]);
  return (each) => {
    if (!each.parents.some((parent) => line.has(parent))) return false;
    line.add(each.execId);
    return true;
  };
};

export const LINES = { ancestors: ancestorsOf, descendants: descendantsOf } as const;

export type Line = keyof typeof LINES;
