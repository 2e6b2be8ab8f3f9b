/** Any of the six topics by offset, straight from the log. */
import type { TopicPage, TopicRecord } from "../../src/control-plane/tenant.ts";
import { PAGE_BYTES_MAX } from "../../src/limits.ts";
import { type LogRecord, type MirroredRecord, messageOf } from "../../src/topics/record.ts";
import { TOPICS, type Topic } from "../../src/topics/topics.ts";
import { decode, decodeExecution, decodePlanInput, decodeTaskInput } from "../../src/wire/codec.ts";
import { delimitedFields } from "../../src/wire/fields.ts";
import { ExecutionHeaderSchema } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import type { Log } from "./log.ts";

/** Number of the field in TaskExecution. */
const TASK_RESULT = 3;

/** A page of the log is read for one of a topic, so that a topic with few records costs a bounded scan. */
export const readTopic = (log: Log, topic: Topic, offset: number, limit: number): TopicPage => {
  const { stage, kind } = TOPICS[topic];
  const type = stage === "inputs" ? "input" : "execution";
  // 0 stands for wherever the topic begins by now.
  const from = Math.max(offset, log.first);
  const { records: found, whole } = log.read([type, "mirrored"], kind, from, limit, PAGE_BYTES_MAX);
  const records: TopicRecord[] = [];
  let bytes = 0;
  for (const each of found) {
    if (each.type === "mirrored" && each.topic !== topic) continue;
    // An input is put together only now, and is larger than its record.
    const record = topicRecord(log, each);
    bytes += record.value.byteLength;
    if (bytes > PAGE_BYTES_MAX && records.length > 0)
      return { records, nextOffset: each.offset, firstOffset: log.first };
    records.push(record);
  }
  const last = found.at(-1);
  // What another topic has must not read as an end.
  if (last && records.length === 0 && !whole) return readTopic(log, topic, last.offset + 1, limit);
  return {
    records,
    nextOffset: last && !whole ? last.offset + 1 : Math.max(from, log.tail),
    firstOffset: log.first,
  };
};

/** TaskResult of the task execution at an offset, encoded; undefined where there is none. */
export const readResult = (log: Log, offset: number): Uint8Array | undefined => {
  const record = log.get(offset);
  const message = record?.type === "execution" && record.kind === "plan" ? undefined : messageOf(record);
  const field = message && delimitedFields(message).find(([number]) => number === TASK_RESULT);
  // A view of the message would take all of it along.
  return field && Uint8Array.from(field[1]);
};

const topicRecord = (log: Log, record: LogRecord): TopicRecord => {
  const { offset, at } = record;
  if (record.type === "input") {
    const header = decode(ExecutionHeaderSchema, record.header);
    return { offset, at, key: header.ok ? header.value.name : "", value: log.compose(record) };
  }
  if (record.type === "mirrored") return { offset, at, key: nameIn(record), value: record.message };
  if (record.type !== "execution") throw new Error(`a topic holds no record of type ${record.type}`);
  const execution = decodeExecution(record.kind, record.message);
  const key = execution.ok ? (execution.value.header?.name ?? "") : "";
  const { message: value, version } = record;
  return { offset, at, key, value, ...(version !== undefined && { executorVersion: version }) };
};

/** Empty where it cannot be told: nobody has looked into what another deployment wrote. */
const nameIn = ({ topic, kind, message }: MirroredRecord): string => {
  if (TOPICS[topic].stage !== "inputs") {
    const execution = decodeExecution(kind, message);
    return execution.ok ? (execution.value.header?.name ?? "") : "";
  }
  const input = kind === "plan" ? decodePlanInput(message) : decodeTaskInput(message);
  if (!input.ok) return "";
  return "planName" in input.value ? input.value.planName : input.value.taskName;
};
