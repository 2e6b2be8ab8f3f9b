/** Random documents of valid graphs: every plan has tasks or is an end, every task has one plan above it. */
import fc from "fast-check";
import type { EdgeDocument, GraphDocument, NodeDocument } from "../../../src/graph/document.ts";

const words = fc.string({ unit: fc.constantFrom(..."ab \"'\\\n{}[]<>;,#/é🙂"), maxLength: 12 });

const attributes = fc.record(
  {
    label: words,
    timeout_ms: fc.integer({ min: 1, max: 900_000 }),
    on_failure: fc.constantFrom("fail" as const, "route" as const, "ignore" as const),
    retry: fc.record(
      {
        attempts: fc.integer({ min: 1, max: 20 }),
        backoff_ms: fc.integer({ min: 0, max: 1_000 }),
        backoff_ms_max: fc.integer({ min: 1_000, max: 60_000 }),
        never: fc.uniqueArray(fc.constantFrom("a", "b.c", "_d"), { minLength: 1 }),
      },
      { requiredKeys: [] },
    ),
    estimate: fc.record(
      {
        tokens: fc.nat(1_000_000),
        cost_usd_micros: fc.nat(1_000_000),
        ms: fc.nat(60_000),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

const planAttributes = fc.record(
  {
    join: fc.constantFrom("all" as const, "each" as const, "merge" as const, { first: 1 }, { first: 3 }),
    end: fc.constant(true),
  },
  { requiredKeys: [] },
);

const graphAttributes = fc.record(
  {
    label: words,
    timeout_ms: fc.integer({ min: 1, max: 86_400_000 }),
    timeout_while_paused: fc.boolean(),
    limits: fc.record(
      {
        iterations_max: fc.integer({ min: 1, max: 1_000 }),
        fan_out_max: fc.integer({ min: 1, max: 1_000 }),
        outstanding_max: fc.integer({ min: 1, max: 10_000 }),
        steps_max: fc.integer({ min: 1, max: 100_000 }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

interface Choices {
  readonly plans: readonly object[];
  readonly tasks: readonly { attributes: object; value: unknown; above: number; below: readonly number[] }[];
  readonly whole: object;
}

const build = ({ plans, tasks, whole }: Choices): GraphDocument => {
  const nodes: NodeDocument[] = plans.map((more, i) => ({
    name: `plan_${i}`,
    type: "plan",
    kind: "conditional",
    // An entry on every plan makes everything reachable, whatever the edges are.
    entry: true,
    ...more,
    ...(!tasks.some((task) => task.above % plans.length === i) && { end: true }),
  }));
  const edges: EdgeDocument[] = [];
  tasks.forEach(({ attributes: more, value, above, below }, i) => {
    const settings = value === undefined ? {} : { settings: { value } };
    nodes.push({ name: `task_${i}`, type: "task", kind: "echo", ...settings, ...more });
    const when = i % 3 === 0 ? { when: 'name == "x" && score > 1' } : {};
    edges.push({ from: `plan_${above % plans.length}`, to: `task_${i}`, ...when });
    const plansBelow = new Set(below.map((plan) => plan % plans.length));
    for (const plan of plansBelow) edges.push({ from: `task_${i}`, to: `plan_${plan}` });
  });
  return { name: "random", ...whole, nodes: nodes.map((node) => fireable(node, edges)), edges };
};

/** With a join that its edges allow. Everything is an entry, so only the tasks of one plan can be merged. */
const fireable = (node: NodeDocument, edges: readonly EdgeDocument[]): NodeDocument => {
  const plans = edges
    .filter(({ to }) => to === node.name)
    .map((edge) => edges.find(({ to }) => to === edge.from)?.from);
  const tasks = [...Map.groupBy(plans, (plan) => plan).values()].map(({ length }) => length);
  const most = Math.max(0, ...tasks);
  if (typeof node.join === "object" && node.join.first > most)
    return { ...node, join: most === 0 ? "all" : { first: most } };
  return node.join === "merge" && tasks.length > 1 ? { ...node, join: "each" } : node;
};

/** JSON that stays itself when it is written and read: no -0. */
const json = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

export const arbitraryDocument: fc.Arbitrary<GraphDocument> = fc
  .record({
    plans: fc.array(
      fc.tuple(attributes, planAttributes).map(([any, plan]) => ({ ...any, ...plan })),
      { minLength: 1, maxLength: 6 },
    ),
    tasks: fc.array(
      fc.record({
        attributes,
        value: fc.option(json, { nil: undefined }),
        above: fc.nat(5),
        below: fc.array(fc.nat(5), { maxLength: 3 }),
      }),
      { maxLength: 10 },
    ),
    whole: graphAttributes,
  })
  .map(build);
