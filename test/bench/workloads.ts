/** What is run: the same steps as a graph for the runtime, and as plain calls for the floor. */

export interface Workload {
  readonly name: string;
  /** Executions of one lifetime. */
  readonly steps: number;
  readonly dot: string;
  readonly input: string;
  /** A regular expression that the answer of the runtime must match. */
  readonly expect: string;
  /** Path at the floor, and the regular expression for its answer. Undefined where the floor has no such thing. */
  readonly floor?: { readonly path: string; readonly expect: string };
}

const CHAIN_STEPS = 10;
const RESULT_BYTES = 200;
// Every task adds a mark, so that an answer shows that each of the five ran, once and in turn.
const MARKED = "x".repeat(RESULT_BYTES - CHAIN_STEPS / 2);
const DONE = `"status":"SUCCEEDED"`;

const chain = (name: string, kind: string, floor: boolean): Workload => ({
  name,
  steps: CHAIN_STEPS,
  dot: `digraph ${name} {
    node [type=plan, kind=${kind}]; p0; p1; p2; p3; p4;
    node [type=task, kind=transform, expression="input + '.'"]; t0; t1; t2; t3; t4;
    p0 -> t0 -> p1 -> t1 -> p2 -> t2 -> p3 -> t3 -> p4 -> t4;
  }`,
  input: MARKED,
  expect: `${DONE}.*"x{${MARKED.length}}\\.{${CHAIN_STEPS / 2}}"`,
  ...(floor && { floor: { path: "/chain", expect: `^9:${RESULT_BYTES}:x{194}$` } }),
});

const FAN = 20;
const tasks = Array.from({ length: FAN }, (_, i) => `t${i}`);

const fan: Workload = {
  name: "fan",
  steps: FAN + 2,
  dot: `digraph fan {
    node [type=plan, kind=parallel]; split; join [end=true];
    node [type=task, kind=transform, expression="input + '.'"]; ${tasks.join("; ")};
    ${tasks.map((task) => `split -> ${task} -> join;`).join(" ")}
  }`,
  input: "x".repeat(RESULT_BYTES - 1),
  expect: `${DONE}.*("x{${RESULT_BYTES - 1}}\\.",?){${FAN}}`,
  floor: { path: "/fan", expect: "^21:4000:x+$" },
};

const LAPS = 50;

const cycle: Workload = {
  name: "cycle",
  // The plan runs once more, to say that it was the last lap.
  steps: 2 * LAPS + 1,
  dot: `digraph cycle {
    again [type=plan, kind=sequential, laps=${LAPS}, entry=true];
    work [type=task, kind=transform, expression="input + '.'"];
    again -> work -> again;
  }`,
  input: "x".repeat(RESULT_BYTES - LAPS),
  expect: `${DONE}.*"x{${RESULT_BYTES - LAPS}}\\.{${LAPS}}"`,
  floor: { path: "/cycle", expect: "^100:200:x+$" },
};

const LARGE_PARTS = 16;
const LARGE_PART_BYTES = 64 * 1024;

const large: Workload = {
  name: "large",
  steps: 4,
  dot: `digraph large {
    node [type=plan, kind=parallel]; p0; p1;
    node [type=task, kind=transform];
    write [expression="[${Array(LARGE_PARTS).fill("input").join(", ")}]"];
    read [expression="size(input)"];
    p0 -> write -> p1 -> read;
  }`,
  input: "x".repeat(LARGE_PART_BYTES),
  expect: `${DONE}.*"result":${LARGE_PARTS}\\b`,
  floor: { path: "/large", expect: `^3:${LARGE_PARTS * LARGE_PART_BYTES}:x+$` },
};

export const WORKLOADS = {
  chain: chain("chain", "parallel", true),
  /** Plans that an executor has to be asked about, as one's own are. */
  asked: chain("asked", "conditional", true),
  fan,
  cycle,
  large,
};
