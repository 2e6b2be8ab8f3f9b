/**
 * Which records of the log go out to Kafka, to which topics and under which key. Origin belongs to the record: what
 * came from Kafka is there already, but that it was persisted is our own word.
 */
import type { ExecutionRecord, InputRecord, LogRecord } from "../topics/record.ts";
import type { Topic } from "../topics/topics.ts";
import { delimitedFields } from "../wire/fields.ts";
import type { MirrorSettings } from "./settings.ts";

/** All that may go out; the others are nobody's topic, or were somebody else's. */
export type Mirrored = InputRecord | ExecutionRecord;

export const MIRRORED: readonly Mirrored["type"][] = ["input", "execution"];

export const isMirrored = (record: LogRecord): record is Mirrored =>
  record.type === "input" || record.type === "execution";

/** Empty where it stays. */
export const topicsOf = (record: Mirrored, { out, inputs }: MirrorSettings): readonly Topic[] => {
  const { kind } = record;
  if (record.type === "input") {
    const goes = record.kafka === "out" || (inputs === "all" && record.kafka === undefined);
    return goes ? ([`${kind}-inputs`] as const).filter((topic) => out.includes(topic)) : [];
  }
  const topics: readonly Topic[] = [`${kind}-executions`, `persisted-${kind}-executions`];
  return topics.slice(record.kafka === "in" ? 1 : 0).filter((topic) => out.includes(topic));
};

/** Field numbers of the executions, and of ExecutionHeader. */
const HEADER = 1;
const [NAME, GRAPH] = [1, 3];
const COLON = new TextEncoder().encode(":");

/** As the header of the record has it, of which no more is decoded. */
export const keyOf = (record: Mirrored, { keyMode }: MirrorSettings): Uint8Array => {
  const header = record.type === "input" ? record.header : fieldOf(record.message, HEADER);
  const name = fieldOf(header, NAME);
  if (keyMode === "node") return name;
  const graph = fieldOf(header, GRAPH);
  const key = new Uint8Array(graph.length + COLON.length + name.length);
  key.set(graph);
  key.set(COLON, graph.length);
  key.set(name, graph.length + COLON.length);
  return key;
};

const NOTHING = new Uint8Array();

const fieldOf = (message: Uint8Array, wanted: number): Uint8Array =>
  delimitedFields(message).find(([field]) => field === wanted)?.[1] ?? NOTHING;
