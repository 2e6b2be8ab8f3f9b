/**
 * The six topics as one table: a stage crossed with a kind. Everything that differs from topic to topic
 * is a column here, so code asks the table and never compares names.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import { PlanExecutionSchema, TaskExecutionSchema } from "../wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../wire/gen/escapement/v1/input_pb.ts";

export type Kind = "plan" | "task";
export type Stage = "inputs" | "executions" | "persisted";

interface Row {
  readonly stage: Stage;
  readonly kind: Kind;
  readonly message: DescMessage;
  /** Whether a producer other than the runtime may append to it. */
  readonly producible: boolean;
}

export const TOPICS = {
  "plan-inputs": { stage: "inputs", kind: "plan", message: PlanInputSchema, producible: false },
  "task-inputs": { stage: "inputs", kind: "task", message: TaskInputSchema, producible: false },
  "plan-executions": { stage: "executions", kind: "plan", message: PlanExecutionSchema, producible: true },
  "task-executions": { stage: "executions", kind: "task", message: TaskExecutionSchema, producible: true },
  "persisted-plan-executions": {
    stage: "persisted",
    kind: "plan",
    message: PlanExecutionSchema,
    producible: false,
  },
  "persisted-task-executions": {
    stage: "persisted",
    kind: "task",
    message: TaskExecutionSchema,
    producible: false,
  },
} as const satisfies Record<string, Row>;

export type Topic = keyof typeof TOPICS;
export type InputTopic = "plan-inputs" | "task-inputs";
export type ExecutionTopic = "plan-executions" | "task-executions";
export const TOPIC_NAMES = Object.keys(TOPICS) as Topic[];

export const isTopic = (name: string): name is Topic => Object.hasOwn(TOPICS, name);
