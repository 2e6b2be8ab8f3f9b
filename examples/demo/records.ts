/** The events of a lifetime → what its progress is drawn from. Pure, but for what it remembers of earlier events. */
import type { Kind } from "../../src/topics/topics.ts";
import type { StreamEvent } from "./events.ts";
import type { StepRecord } from "./progress.ts";

/** What the events have that steps are made of. */
interface Shown {
  readonly kind: Kind;
  readonly node: string;
  readonly input_id: string;
  readonly attempt: number;
  readonly iteration_idx: number;
  readonly status: string;
  readonly issued_at: string;
  readonly received_at: string;
  readonly carries: readonly number[];
  readonly progress: unknown;
}

const isExecution = (event: string): boolean => event === "plan_execution" || event === "task_execution";

/** Undefined for an event that is not about a step. */
export const recordReader = (): ((event: StreamEvent) => StepRecord | undefined) => {
  /** Ids of executions → the input that each answered. */
  const answered = new Map<number, string>();
  return ({ id, event = "", data }) => {
    if (event === "approval_opened") return questionOf(JSON.parse(data) as Asked);
    const isInput = event === "input_issued";
    if (!isInput && !isExecution(event) && event !== "progress") return undefined;
    const shown = JSON.parse(data) as Shown;
    const { kind, node, attempt, iteration_idx: iteration, input_id: inputId } = shown;
    if (event === "progress") return { stage: "progress", inputId, attempt, progress: shown.progress };
    if (!isInput) answered.set(Number(id), inputId);
    const step = { kind, node, inputId, attempt, iteration };
    if (!isInput)
      return { ...step, stage: "executions", at: Date.parse(shown.received_at), status: shown.status };
    const launchedBy = kind === "task" ? answered.get(shown.carries[0] ?? 0) : undefined;
    return { ...step, stage: "inputs", at: Date.parse(shown.issued_at), launchedBy };
  };
};

/** What people are asked, as far as it is shown. */
export interface Asked {
  readonly approval: string;
  readonly input_id: string;
  readonly attempt: number;
  readonly title: string;
}

const questionOf = ({ input_id: inputId, attempt, title }: Asked): StepRecord => ({
  stage: "progress",
  inputId,
  attempt,
  progress: `asks: ${title}`,
});
