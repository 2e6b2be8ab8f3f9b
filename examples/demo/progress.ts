/**
 * What a lifetime has done so far, as a tree: each plan with the tasks that it launched. Made from its events
 * alone: an input says that a step began, an execution how it ended. Pure.
 */
import type { Kind } from "../../src/topics/topics.ts";

/** How far an attempt has come, as its node says. */
interface ProgressRecord {
  readonly stage: "progress";
  readonly inputId: string;
  readonly attempt: number;
  readonly progress: unknown;
}

/** An input, or an execution. */
export interface StageRecord {
  readonly stage: "inputs" | "executions";
  readonly kind: Kind;
  readonly node: string;
  readonly inputId: string;
  readonly attempt: number;
  readonly iteration: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** The input of the plan that launched a task. */
  readonly launchedBy?: string | undefined;
  /** How an execution ended: SUCCEEDED, FAILED, … */
  readonly status?: string | undefined;
}

export type StepRecord = StageRecord | ProgressRecord;

export interface Step {
  readonly inputId: string;
  readonly kind: Kind;
  readonly node: string;
  readonly iteration: number;
  readonly attempt: number;
  /** RUNNING while the last attempt has no answer. */
  readonly status: string;
  /** Of the last attempt, until `now` while it runs. */
  readonly elapsedMs: number;
  /** While it runs, if its node says so. */
  readonly progress?: unknown;
  /** Tasks of the plan; a task has none. */
  readonly tasks: readonly Step[];
}

const isStage = (record: StepRecord): record is StageRecord => record.stage !== "progress";

const stepOf = (records: readonly StepRecord[], now: number): Omit<Step, "tasks"> | undefined => {
  const stages = records.filter(isStage);
  const inputs = stages.filter((record) => record.stage === "inputs");
  const last = inputs.reduce<StageRecord | undefined>(
    (newest, record) => (newest === undefined || record.attempt > newest.attempt ? record : newest),
    undefined,
  );
  if (last === undefined) return undefined;
  const ended = stages.find((record) => record.stage === "executions" && record.attempt === last.attempt);
  const { inputId, kind, node, iteration, attempt } = last;
  const elapsedMs = Math.max(0, (ended?.at ?? now) - last.at);
  const step = { inputId, kind, node, iteration, attempt, status: ended?.status ?? "RUNNING", elapsedMs };
  const said = records.findLast((record) => record.stage === "progress" && record.attempt === attempt);
  return said?.stage === "progress" && !ended ? { ...step, progress: said.progress } : step;
};

/** Plans in the order in which they began, whatever the order of the records; tasks likewise below theirs. */
export const progressOf = (records: readonly StepRecord[], now: number): readonly Step[] => {
  const inputs = records.filter(isStage).filter(({ stage, attempt }) => stage === "inputs" && attempt === 1);
  const began = inputs.toSorted((a, b) => a.at - b.at);
  const byInput = Map.groupBy(records, (record) => record.inputId);
  const stepsOf = (wanted: (record: StageRecord) => boolean, tasksOf: (inputId: string) => readonly Step[]) =>
    began.filter(wanted).flatMap(({ inputId }) => {
      const step = stepOf(byInput.get(inputId) ?? [], now);
      return step === undefined ? [] : [{ ...step, tasks: tasksOf(inputId) }];
    });
  const isTaskOf = (plan: string) => (record: StageRecord) =>
    record.kind === "task" && record.launchedBy === plan;
  return stepsOf(
    (record) => record.kind === "plan",
    (plan) => stepsOf(isTaskOf(plan), () => []),
  );
};
