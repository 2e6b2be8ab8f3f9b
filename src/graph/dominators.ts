/**
 * Which nodes every way from the entries to a node leads through (Cooper, Harvey and Kennedy, "A Simple, Fast
 * Dominance Algorithm"). Nodes that no entry reaches have none.
 */
export interface Shape {
  readonly entries: readonly string[];
  down(name: string): readonly string[];
  up(name: string): readonly string[];
}

export interface Dominators {
  /** Undefined where the ways from the entries have no node in common. */
  nearest(name: string): string | undefined;
  /** The nearest node that every way to each of these leads through; a single one is its own. */
  common(names: readonly string[]): string | undefined;
  dominates(name: string, other: string): boolean;
}

/** Depth first, each node after those below it; without recursion, for a chain may have thousands. */
const postorder = ({ entries, down }: Shape): string[] => {
  const order: string[] = [];
  const seen = new Set<string>();
  for (const entry of entries) {
    if (seen.has(entry)) continue;
    seen.add(entry);
    const path = [{ name: entry, below: down(entry).values() }];
    for (let top = path.at(-1); top; top = path.at(-1)) {
      const { value: next } = top.below.next();
      if (next === undefined) {
        order.push(top.name);
        path.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        path.push({ name: next, below: down(next).values() });
      }
    }
  }
  return order;
};

export const dominatorsOf = (shape: Shape): Dominators => {
  const order = postorder(shape);
  const places = new Map(order.map((name, place) => [name, place]));
  const entries = new Set(shape.entries);
  /** Above every node, entries too. */
  const root = order.length;
  /** Place → place of the nearest dominator, which is always higher. */
  const above: (number | undefined)[] = [];
  above[root] = root;
  const meet = (a: number, b: number): number => {
    while (a !== b)
      if (a < b) a = above[a] ?? root;
      else b = above[b] ?? root;
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let place = root - 1; place >= 0; place--) {
      const name = order[place] ?? "";
      let found: number | undefined = entries.has(name) ? root : undefined;
      for (const before of shape.up(name)) {
        const known = places.get(before);
        if (known === undefined || above[known] === undefined) continue;
        found = found === undefined ? known : meet(found, known);
      }
      if (above[place] === found) continue;
      above[place] = found;
      changed = true;
    }
  }
  return {
    nearest: (name) => order[above[places.get(name) ?? root] ?? root],
    common: (names) => {
      const reached = names.flatMap((name) => places.get(name) ?? []);
      return reached.length === 0 ? undefined : order[reached.reduce(meet)];
    },
    dominates: (name, other) => {
      const place = places.get(name) ?? root;
      let at = places.get(other) ?? root;
      while (at < place) at = above[at] ?? root;
      return at === place && place !== root;
    },
  };
};
