/**
 * A record of the log → an event of a stream, and its bytes as text (server-sent events). The event's id is the
 * record's offset, so whoever has seen an id has seen everything before it. What is not in the log has no id.
 */
import { executionJson } from "../data-plane/execution-json.ts";
import { planRow, taskRow } from "../data-plane/row.ts";
import { PAYLOAD_COLUMN_BYTES_MAX } from "../limits.ts";
import {
  type ExecutionRecord,
  type InputRecord,
  type LogRecord,
  recorded,
  type SignalReceivedRecord,
} from "../topics/record.ts";
import { decode, decodeExecution, type Execution, isPlan } from "../wire/codec.ts";
import {
  type ExecutionHeader,
  ExecutionHeaderSchema,
  type TaskResult,
} from "../wire/gen/escapement/v1/execution_pb.ts";
import { isoOf } from "../wire/timestamp.ts";
import { decodeValue } from "../wire/value.ts";
import { approvalEvent } from "./approval-event.ts";

/** The closed set of names. */
export const EVENT_NAMES = [
  "lifetime_started",
  "input_issued",
  "plan_execution",
  "task_execution",
  "signal_received",
  "approval_opened",
  "approval_changed",
  "approval_closed",
  "lifetime_status",
  "lifetime_ended",
  "lifetime_retried",
  "verdict",
  "budget_threshold",
  "budget_set",
  "budget_removed",
  "policy_changed",
  "paused",
  "resumed",
  "graph_registered",
  "graph_status",
  "lifetime_root",
  "mirrored",
  "mirror_gap",
  "progress",
  "closing",
] as const;

export type EventName = (typeof EVENT_NAMES)[number];

/** Why a stream ends before what it follows has. */
export type ClosingCode =
  | "reader_too_slow"
  | "stream_expired"
  | "offset_trimmed"
  | "tenant_deleting"
  | "internal";

const text = (event: EventName, json: string, id?: number): string =>
  `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${json}\n\n`;

export const frame = (id: number, event: EventName, shown: object): string =>
  text(event, JSON.stringify(shown), id);

export const closingFrame = (code: ClosingCode, detail: string): string =>
  text("closing", JSON.stringify({ code, detail }));

export interface Progress {
  readonly lifetime: string;
  readonly node: string;
  readonly input_id: string;
  readonly attempt: number;
}

/** `progress` is JSON text. */
export const progressFrame = (of: Progress, progress: string): string =>
  text("progress", `${JSON.stringify(of).slice(0, -1)},"progress":${progress}}`);

export const frameOf = (record: LogRecord): string => {
  const { offset, at } = record;
  switch (record.type) {
    case "input":
      return frame(offset, "input_issued", inputJson(record));
    case "execution":
      return frame(offset, `${record.kind}_execution`, ofExecution(record));
    case "lifetime_started": {
      const { lifetime, graph, version, labels } = record;
      const started = { lifetime, graph, graph_version: version, labels, started_at: isoOf(at) };
      return frame(offset, record.type, started);
    }
    case "lifetime_ended": {
      const { lifetime, status, reason, steps, outcomes } = record;
      const ends = outcomes.map((each) => each.offset);
      const ended = { lifetime, status, reason, ended_at: isoOf(at), steps, outcomes: ends };
      return frame(offset, record.type, ended);
    }
    case "lifetime_retried": {
      const { lifetime, detail } = record;
      return frame(offset, record.type, { lifetime, detail, at: isoOf(at) });
    }
    case "lifetime_status": {
      const { lifetime, status, reason } = record;
      return frame(offset, record.type, { lifetime, status, reason, at: isoOf(at) });
    }
    case "verdict":
    case "mirror_gap":
    case "budget_threshold":
    case "budget_removed": {
      const { type, offset: _, at: __, ...said } = record;
      return frame(offset, type, { ...said, at: isoOf(at) });
    }
    case "budget_set": {
      const { name, ...said } = record.budget;
      return frame(offset, record.type, { budget: name, ...said, at: isoOf(at) });
    }
    case "policy_changed": {
      const { policy, version, document } = record;
      const changed = { policy, version, deleted: document === undefined, at: isoOf(at) };
      return frame(offset, record.type, changed);
    }
    case "lifetime_root":
    case "mirrored":
      return frame(offset, record.type, fromKafkaJson(record));
    case "paused": {
      const { graph, detail, by } = record;
      return frame(offset, record.type, { graph, detail, by, at: isoOf(at) });
    }
    case "resumed":
      return frame(offset, record.type, { graph: record.graph, by: record.by, at: isoOf(at) });
    case "approval_opened":
    case "approval_changed":
    case "approval_closed":
      return frame(offset, record.type, approvalEvent(record));
    case "signal_received":
      return frame(offset, record.type, signalJson(record));
    case "graph_registered": {
      const { graph, version, status, hash } = record;
      return frame(offset, record.type, { graph, version, status, hash, created_at: isoOf(at) });
    }
    case "graph_status": {
      const { graph, version, status } = record;
      return frame(offset, record.type, { graph, version, status, at: isoOf(at) });
    }
  }
};

type FromKafka = LogRecord & { type: "lifetime_root" | "mirrored" };

/** Undefined for what is of the tenant as a whole. */
export const lifetimeOf = (record: LogRecord): string | undefined => {
  if (record.type === "input") return headerOf(record).lifetimeId;
  if (record.type === "execution") return executionOf(record).header?.lifetimeId;
  return "lifetime" in record ? record.lifetime : undefined;
};

const headerOf = ({ decoded, header, offset }: InputRecord): ExecutionHeader =>
  decoded ?? recorded(decode(ExecutionHeaderSchema, header), offset);

const executionOf = ({ execution, kind, message, offset }: ExecutionRecord): Execution =>
  execution ?? recorded(decodeExecution(kind, message), offset);

/** What it carries are ids of earlier events: the start, or the executions that led here. */
const inputJson = (record: InputRecord) => {
  const { lifetimeId, name, inputId, attempt, iterationIdx } = headerOf(record);
  return {
    lifetime: lifetimeId,
    kind: record.kind,
    node: name,
    input_id: inputId,
    attempt,
    iteration_idx: iterationIdx,
    carries: record.carries,
    issued_at: isoOf(record.at),
  };
};

const ofExecution = (record: ExecutionRecord) => {
  const execution = executionOf(record);
  if (isPlan(execution)) return executionJson({ kind: "plan", ...planRow(record, execution) });
  const shown = executionJson({ kind: "task", ...taskRow(record, execution) });
  const bytes = bytesOf(execution.result);
  return bytes > PAYLOAD_COLUMN_BYTES_MAX ? { ...shown, result_bytes: bytes } : shown;
};

const bytesOf = (result: TaskResult | undefined): number => {
  if (result?.data.case === "inlineData") return result.data.value.value.byteLength;
  return result?.data.case === "externalData" ? Number(result.data.value.metadata.bytes ?? 0) : 0;
};

const fromKafkaJson = ({ type: _, offset: __, message: ___, at, ...said }: FromKafka) => ({
  ...said,
  at: isoOf(at),
});

const signalJson = ({ lifetime, name, key, by, input, value, at }: SignalReceivedRecord) => {
  const small = value.byteLength <= PAYLOAD_COLUMN_BYTES_MAX;
  const shown = small ? { value: decodeValue(value) } : { value_bytes: value.byteLength };
  return { lifetime, name, key, by, input_id: input, ...shown, received_at: isoOf(at) };
};
