/**
 * What authors write: a plan that decides, a task that does. A definition is plain values and one function,
 * so a node can be called in a test as it stands. Running it is not done here.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import type { ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";
import type { Allowance } from "./dispatch.ts";
import { type Payload, payloadType, type Reading, readingOf } from "./payload.ts";
import type { UsageReport } from "./usage.ts";

export { type Payload, type PayloadBody, payload } from "./payload.ts";

/** What a node can ask and say while it runs. */
export interface NodeContext<Settings> {
  /** The node's name in its graph. */
  readonly node: string;
  /** Counts from 1. */
  readonly attempt: number;
  /** How often the lifetime has passed this node before. */
  readonly iteration: number;
  readonly settings: Settings;
  /** Aborts when the attempt runs out of time, and when it is cancelled. */
  readonly signal: AbortSignal;
  /** The same for all attempts of one input: hand it to whatever must not happen twice. */
  readonly idempotencyKey: string;
  /** W3C Trace Context of the input, where it has one: pass it on to whatever is called. */
  readonly traceParent?: string;
  /**
   * What the node's author has declared where budgets limit it: hand it on as a hard limit to whatever spends. Absent
   * where nothing is declared, or limited.
   */
  readonly allowance?: Allowance;
  /** Bindings and secrets of the deployment. */
  readonly env: Readonly<Record<string, unknown>>;
  /** Adds to what the attempt has consumed. */
  usage(report: UsageReport): void;
  log(message: string, fields?: JsonObject): void;
  /**
   * Restarts the attempt's timeout. `progress` is any small JSON; whoever follows the lifetime sees the newest,
   * and nothing keeps it.
   */
  heartbeat(progress?: JsonValue): void;
}

/** A task execution that led to a plan. */
export interface UpstreamTask {
  readonly node: string;
  readonly execId: string;
  readonly status: keyof typeof ExecutionStatus;
  /** Absent where it failed, or its result is left out. Throws where it was not loaded. */
  readonly value?: JsonValue;
  readonly error?: string;
}

/** A result that the plan before a task had at hand. */
export interface UpstreamResult {
  readonly node?: string;
  /** Throws where it was not loaded. */
  readonly value: JsonValue;
}

export interface PlanContext<Settings = unknown> extends NodeContext<Settings> {
  readonly upstream: readonly UpstreamTask[];
  /** The result of an entry of `upstream`, unread. */
  payload(entry: UpstreamTask): Payload;
  /** Downstream tasks in the order of the edges. */
  readonly next: readonly { readonly name: string; readonly when?: string }[];
}

export interface TaskContext<Settings = unknown> extends NodeContext<Settings> {
  readonly upstream: readonly UpstreamResult[];
  /** The result of an entry of `upstream`, unread. */
  payload(entry: UpstreamResult): Payload;
  /** What the plan gave this task; empty where it gave nothing. */
  readonly parameters: JsonObject;
  /** Goes on to this plan alone, where the graph offers several. */
  takeEdge(plan: string): void;
}

/** Names of downstream tasks, or with parameters for some of them. None ends the branch. */
export type Decision =
  | readonly string[]
  | { readonly next: readonly string[]; readonly parameters?: Readonly<Record<string, JsonObject>> };

/** Completed settings are stored with the graph and parsed again, so a schema must accept what it gives back. */
export type SettingsSchema = z.ZodObject;

interface Definition {
  /** The kind by which graphs name it. */
  readonly name: string;
  readonly input: z.ZodType;
  readonly reads: Reading;
  readonly settings: SettingsSchema;
}

// Methods, not function properties: their parameters compare both ways, so that nodes of all types fit in one list.
export interface Plan<Input = unknown, Settings = unknown> extends Definition {
  readonly type: "plan";
  /** Whether it reads `when` of its edges. */
  readonly readsWhen: boolean;
  /** Decides at once, by `next`, `iteration` and `settings` alone: nothing else is there when it does so in place. */
  readonly inline: boolean;
  run(input: Input, ctx: PlanContext<Settings>): Decision | Promise<Decision>;
}

export interface Task<Input = unknown, Output = unknown, Settings = unknown> extends Definition {
  readonly type: "task";
  readonly output: z.ZodType;
  /** The longest timeout of a node of it, and what one has that says nothing; that of a call where absent. */
  readonly timeoutMsMax?: number;
  /** The media type, where it returns a payload. */
  readonly writes?: string | undefined;
  run(input: Input, ctx: TaskContext<Settings>): Output | Promise<Output>;
}

export type AnyNode = Plan | Task;

const NO_SETTINGS = z.object({});

/** `input` is the result that led here, or the list of them where there are several; unread where it is a payload. */
export const definePlan = <Input extends z.ZodType, Settings extends SettingsSchema = typeof NO_SETTINGS>(
  name: string,
  definition: {
    readonly input: Input;
    readonly settings?: Settings;
    readonly readsWhen?: boolean;
    readonly inline?: boolean;
    run(input: z.output<Input>, ctx: PlanContext<z.output<Settings>>): Decision | Promise<Decision>;
  },
): Plan<z.output<Input>, z.output<Settings>> => ({
  type: "plan",
  name,
  input: definition.input,
  reads: readingOf(definition.input),
  settings: definition.settings ?? NO_SETTINGS,
  readsWhen: definition.readsWhen ?? false,
  inline: definition.inline ?? false,
  run: definition.run,
});

/**
 * `input` is the parameters that the plan gave, else the result that the plan had at hand, else the list of
 * them; null where there is none. Where it is a payload, it is the results, unread.
 */
export const defineTask = <
  Input extends z.ZodType,
  Output extends z.ZodType,
  Settings extends SettingsSchema = typeof NO_SETTINGS,
>(
  name: string,
  definition: {
    readonly input: Input;
    readonly output: Output;
    readonly settings?: Settings;
    run(
      input: z.output<Input>,
      ctx: TaskContext<z.output<Settings>>,
    ): z.input<Output> | Promise<z.input<Output>>;
  },
): Task<z.output<Input>, z.input<Output>, z.output<Settings>> => ({
  type: "task",
  name,
  input: definition.input,
  reads: readingOf(definition.input),
  output: definition.output,
  writes: payloadType(definition.output),
  settings: definition.settings ?? NO_SETTINGS,
  run: definition.run,
});
