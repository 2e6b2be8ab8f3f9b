/** What a wait needs to know that only the log has: the value of a kept signal, the instant that its input gives, or what people are asked. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { type HumanSettings, questionOf } from "../executor/tasks/human.ts";
import { instantOf, valueAt, type WaitSettings } from "../executor/tasks/wait.ts";
import { parametersOf, taskInputValue, upstreamResults } from "../executor/upstream.ts";
import type { Node } from "../graph/graph.ts";
import { PAYLOAD_COLUMN_BYTES_MAX } from "../limits.ts";
import { type LogRecord, messageOf } from "../topics/record.ts";
import { decodePlanExecution, decodeTaskExecution } from "../wire/codec.ts";
import { TaskInputSchema } from "../wire/gen/escapement/v1/input_pb.ts";
import { readResult } from "../wire/payload.ts";
import { encodeValue } from "../wire/value.ts";
import type { Recall } from "./effect.ts";
import type { Asked, Found, Recalled } from "./event.ts";
import { isHuman } from "./human.ts";

interface Given {
  readonly input: JsonValue;
  readonly parameters: JsonValue;
  readonly results: JsonValue;
}

/** `record` is the one at the offset that was asked for. */
export const recall = (
  { n, attempt, subject, parameters }: Recall,
  node: Node,
  record: LogRecord | undefined,
): Omit<Recalled, "at" | "tail"> => ({
  type: "recalled",
  n,
  attempt,
  found:
    record?.type === "signal_received"
      ? { value: record.value }
      : found(node, record, subject === true, parameters),
});

const found = (
  node: Node,
  record: LogRecord | undefined,
  subject: boolean,
  parameters: JsonObject | undefined,
): Found => {
  if (node.type === "plan") return { asks: small(resultIn(record)) };
  const given = inputOf(node, record, parameters);
  if (subject) return { asks: small(readable(given).input) };
  return isHuman(node) ? askedBy(node, given) : instantIn(node, given);
};

/** What the task before which a plan stands would be given, as a value and as variables of its templates. */
const inputOf = (node: Node, record: LogRecord | undefined, changed: JsonObject | undefined): Given => {
  const plan = decodePlanExecution(messageOf(record) ?? new Uint8Array());
  if (!plan.ok) throw new Error(`the plan before ${node.name} is ${plan.error}`);
  const input = create(TaskInputSchema, { taskName: node.name, planExecution: plan.value });
  const parameters = changed ?? parametersOf(input);
  const results = upstreamResults(input);
  // A result that is kept elsewhere is not read here, and says so when it is touched.
  return {
    get input(): JsonValue {
      return taskInputValue(parameters, results);
    },
    parameters: parameters ?? {},
    get results(): JsonValue {
      return results.map(({ value }) => value);
    },
  };
};

/** What is kept elsewhere is not read here: whoever asks for it is told that there is no such thing. */
const readable = (given: Given): Partial<Given> => {
  const variables: Partial<Record<keyof Given, JsonValue>> = {};
  for (const name of ["input", "parameters", "results"] as const)
    try {
      variables[name] = given[name];
    } catch {}
  return variables;
};

/** Of what is too large to be shown, or nests too deep to be written, there is nothing to show. */
const small = (subject: JsonValue | undefined): Asked => {
  try {
    return subject !== undefined && encodeValue(subject).byteLength <= PAYLOAD_COLUMN_BYTES_MAX
      ? { subject }
      : {};
  } catch {
    return {};
  }
};

/** Of the task execution before a plan. */
const resultIn = (record: LogRecord | undefined): JsonValue | undefined => {
  const task = decodeTaskExecution(messageOf(record) ?? new Uint8Array());
  return task.ok ? readResult(task.value.result) : undefined;
};

const askedBy = (node: Node, given: Given): Found => {
  const variables = readable(given);
  const question = questionOf(node.settings as HumanSettings, variables as Record<string, JsonValue>);
  if (!question.ok) return { fault: question.error };
  return { asks: { ...question.value, ...small(variables.input) } };
};

const instantIn = (node: Node, variables: Given): Found => {
  const { until = "" } = node.settings as WaitSettings;
  let given: JsonValue | undefined;
  try {
    given = valueAt(until, variables as unknown as JsonValue);
  } catch (thrown) {
    return { fault: (thrown as Error).message };
  }
  const instant = instantOf(given);
  if (instant !== undefined) return { until: instant };
  const shown =
    given === undefined ? "nothing" : typeof given === "string" ? "other text" : `a ${typeof given}`;
  return { fault: `${until} has to be an instant as in RFC 3339, and is ${shown}` };
};
