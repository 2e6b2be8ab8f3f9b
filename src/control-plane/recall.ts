/** What a wait needs to know that only the log has: the value of a kept signal, or the instant that its input gives. */
import type { JsonValue } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { instantOf, valueAt, type WaitSettings } from "../executor/tasks/wait.ts";
import { parametersOf, taskInputValue, upstreamResults } from "../executor/upstream.ts";
import type { Node } from "../graph/graph.ts";
import { type LogRecord, messageOf } from "../topics/record.ts";
import { decodePlanExecution } from "../wire/codec.ts";
import { TaskInputSchema } from "../wire/gen/escapement/v1/input_pb.ts";
import type { Recall } from "./effect.ts";
import type { Found, Recalled } from "./event.ts";

/** `record` is the one at the offset that was asked for. */
export const recall = (
  { n, attempt }: Recall,
  node: Node,
  record: LogRecord | undefined,
): Omit<Recalled, "at" | "tail"> => ({
  type: "recalled",
  n,
  attempt,
  found: record?.type === "signal_received" ? { value: record.value } : instantIn(node, record),
});

const instantIn = (node: Node, record: LogRecord | undefined): Found => {
  const { until = "" } = node.settings as WaitSettings;
  const plan = decodePlanExecution(messageOf(record) ?? new Uint8Array());
  if (!plan.ok) throw new Error(`the plan before ${node.name} is ${plan.error}`);
  const input = create(TaskInputSchema, { taskName: node.name, planExecution: plan.value });
  const parameters = parametersOf(input);
  const results = upstreamResults(input);
  // A result that is kept elsewhere is not read here, and says so when it is touched.
  const variables = {
    get input(): JsonValue {
      return taskInputValue(parameters, results);
    },
    parameters: parameters ?? {},
    get results(): JsonValue {
      return results.map(({ value }) => value);
    },
  };
  let given: JsonValue | undefined;
  try {
    given = valueAt(until, variables);
  } catch (thrown) {
    return { fault: (thrown as Error).message };
  }
  const instant = instantOf(given);
  if (instant !== undefined) return { until: instant };
  const shown =
    given === undefined ? "nothing" : typeof given === "string" ? "other text" : `a ${typeof given}`;
  return { fault: `${until} has to be an instant as in RFC 3339, and is ${shown}` };
};
