/** A plan input from Kafka that starts a lifetime: of which graph, under which id, and with what in its hands. */
import type { Handed } from "../control-plane/event.ts";
import type { GraphView } from "../control-plane/tenant.ts";
import type { Turn } from "../control-plane/turn.ts";
import { NAME_CHARS_MAX } from "../limits.ts";
import { delimitedFields } from "../wire/fields.ts";
import type { PlanInput } from "../wire/gen/escapement/v1/input_pb.ts";
import { encodeValue } from "../wire/value.ts";
import type { Arrival, Fate, Here } from "./admit.ts";
import { uuidOf } from "./uuid.ts";

/** Number of the field in PlanInput. */
const TASK_EXECUTIONS = 3;

/** Undefined for what is no start: an input of a plan that no lifetime begins with. */
export const startFromKafka = (
  turn: Turn,
  input: PlanInput,
  arrival: Arrival,
  here: Here,
): Fate | undefined => {
  const { topic, message } = arrival;
  const { planName, graphId } = input;
  const graphs = graphId === "" ? here.withEntry(planName) : [here.find(graphId)].filter((each) => !!each);
  const [graph, ...others] = graphs;
  if (graph === undefined)
    return graphId === ""
      ? undefined
      : turn.evidence.bury(topic, message, "graph_not_found", `no graph ${graphId}`);
  if (!here.index(graph.graph, graph.version).entries.includes(planName)) return undefined;
  if (graph.status !== "ACTIVE")
    return turn.evidence.bury(
      topic,
      message,
      "graph_not_found",
      `graph ${graphId} is ${graph.status}; activate it`,
    );
  if (others.length > 0) {
    const names = graphs.map((each) => each.graph).join(", ");
    const detail = `${planName} begins each of ${names}; send graph_id`;
    return turn.evidence.bury(topic, message, "ambiguous_graph", detail);
  }
  return startOf(turn, input, arrival, here, graph);
};

const startOf = (
  turn: Turn,
  input: PlanInput,
  arrival: Arrival,
  here: Here,
  { graph, version }: GraphView,
): Fate => {
  const { topic, message } = arrival;
  const { planName } = input;
  const lifetime = lifetimeOf(input, arrival, here);
  if (lifetime.length > NAME_CHARS_MAX)
    return turn.evidence.bury(
      topic,
      message,
      "undecodable",
      `its lifetime_id has over ${NAME_CHARS_MAX} characters`,
    );
  if (turn.lifetime(lifetime) !== undefined) return { outcome: "ignored", reason: "duplicate" };
  const executions = handedIn(input, message);
  const isElsewhere = here.index(graph, version).node(planName).executor === "kafka";
  if (isElsewhere && (executions.length === 0 || executions.some(({ execId }) => execId === "")))
    return turn.evidence.bury(
      topic,
      message,
      "uncorrelatable",
      `${planName} runs in Kafka, and its answer could not name all that its input has: each needs an exec_id`,
    );
  const may = here.mayStart();
  if (!may.ok) return { outcome: "refused", rejection: may.error };
  const handed = { node: planName, executions };
  const { head } = turn.start({ lifetime, version, labels: {}, input: encodeValue(null), handed }, graph);
  return { outcome: "recorded", exec_id: "", offset: head.started };
};

/** Its own, else one that the same record gives again. */
const lifetimeOf = (input: PlanInput, arrival: Arrival, here: Here): string => {
  const { tenant } = here;
  if (input.lifetimeId !== "") return input.lifetimeId;
  if (input.inputId !== "") return uuidOf(`escapement:${tenant}/${input.inputId}`);
  const { topic, partition, offset } = arrival;
  const generation = here.generation(topic, partition);
  return uuidOf(`escapement:${tenant}/${topic}/${partition}/${generation}/${offset}`);
};

/** With their bytes as they came. */
const handedIn = ({ taskExecutions }: PlanInput, message: Uint8Array): readonly Handed[] =>
  delimitedFields(message)
    .filter(([field]) => field === TASK_EXECUTIONS)
    .map(([, bytes], i) => ({
      execId: taskExecutions[i]?.header?.execId ?? "",
      name: taskExecutions[i]?.header?.name ?? "",
      message: Uint8Array.from(bytes),
    }));
