/** A record of the log ↔ what is stored of it. Codes are stored, so they are never reused. */
import type { ExecutionRecord, InputRecord, LogRecord } from "../../src/topics/record.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { delimitedFields } from "../../src/wire/fields.ts";

export interface Entry {
  readonly offset: number;
  /** Code of the type. */
  readonly type: number;
  readonly at: number;
  /** What of the record is JSON; null where nothing is. */
  readonly meta: unknown;
  /** What of it is bytes; a view of what others may hold too. */
  readonly body: Uint8Array;
}

export interface RecordType {
  readonly code: number;
  readonly type: LogRecord["type"];
  readonly kind?: Kind;
}

export const RECORD_TYPES: readonly RecordType[] = [
  { code: 1, type: "input", kind: "plan" },
  { code: 2, type: "input", kind: "task" },
  { code: 3, type: "execution", kind: "plan" },
  { code: 4, type: "execution", kind: "task" },
  { code: 5, type: "lifetime_started" },
  { code: 6, type: "lifetime_ended" },
  { code: 7, type: "graph_registered" },
  { code: 8, type: "graph_status" },
  { code: 9, type: "signal_received" },
  { code: 10, type: "lifetime_status" },
  { code: 11, type: "paused" },
  { code: 12, type: "resumed" },
  { code: 13, type: "lifetime_retried" },
  { code: 14, type: "verdict" },
  { code: 15, type: "budget_set" },
  { code: 16, type: "budget_removed" },
  { code: 17, type: "budget_threshold" },
  { code: 18, type: "policy_changed" },
  { code: 21, type: "approval_opened" },
  { code: 22, type: "approval_changed" },
  { code: 23, type: "approval_closed" },
  { code: 24, type: "mirrored", kind: "plan" },
  { code: 25, type: "mirrored", kind: "task" },
  { code: 26, type: "lifetime_root" },
  { code: 27, type: "mirror_gap" },
];

const BY_CODE = new Map(RECORD_TYPES.map((each) => [each.code, each]));
const CODE = new Map(RECORD_TYPES.map((each) => [`${each.type}/${each.kind ?? ""}`, each.code]));

/** A list is of warnings alone, as it was before there were versions. */
const executionMeta = ({ version, warnings, estimated, kafka, own }: ExecutionRecord): unknown =>
  version !== undefined || estimated || kafka || own
    ? { version, warnings, estimated, kafka, own }
    : (warnings ?? null);

/** A third element is there only where something guards the tenant, or Kafka has to do with it. */
const inputMeta = (record: InputRecord): unknown => {
  const { carries, withoutResult, policies, parameters, estimate, kafka } = record;
  const isMore = policies !== undefined || parameters || estimate || kafka;
  return [carries, withoutResult, ...(isMore ? [{ policies, parameters, estimate, kafka }] : [])];
};

const NOTHING = new Uint8Array();

export const entryOf = (record: LogRecord): Entry => {
  const { offset, at } = record;
  const type = CODE.get(`${record.type}/${"kind" in record ? record.kind : ""}`);
  if (type === undefined) throw new Error(`no code for a record of type ${record.type}`);
  switch (record.type) {
    case "input":
      return { offset, at, type, body: record.header, meta: inputMeta(record) };
    case "execution":
      return { offset, at, type, body: record.message, meta: executionMeta(record) };
    case "lifetime_started": {
      const { root, type: _, offset: __, at: ___, ...meta } = record;
      return { offset, at, type, body: root, meta };
    }
    case "lifetime_root":
      return { offset, at, type, body: record.message, meta: { lifetime: record.lifetime } };
    case "mirrored": {
      const { kind, topic, deployment, message } = record;
      return { offset, at, type, body: message, meta: { kind, topic, deployment } };
    }
    case "signal_received": {
      const { value, type: _, offset: __, at: ___, ...meta } = record;
      return { offset, at, type, body: value, meta };
    }
    case "graph_registered": {
      // The source has a row of its own: with the document it may be larger than one.
      const { source: _, type: __, offset: ___, at: ____, ...meta } = record;
      return { offset, at, type, body: NOTHING, meta };
    }
    default: {
      const { type: _, offset: __, at: ___, ...meta } = record;
      return { offset, at, type, body: NOTHING, meta };
    }
  }
};

export const recordOf = ({ offset, type: code, at, body, ...rest }: Entry): LogRecord => {
  const known = BY_CODE.get(code);
  if (known === undefined) throw new Error(`the log has a record of unknown type ${code} at ${offset}`);
  const { type, kind = "plan" } = known;
  // Of its own, so that it keeps nothing else in memory, and nothing else is sent with it.
  const bytes = body.slice();
  const meta: ReturnType<typeof JSON.parse> = rest.meta;
  switch (type) {
    case "input":
      return { type, kind, offset, at, header: bytes, carries: meta[0], withoutResult: meta[1], ...meta[2] };
    case "execution":
      return { type, kind, offset, at, message: bytes, ...(Array.isArray(meta) ? { warnings: meta } : meta) };
    case "lifetime_started":
      return { type, offset, at, root: bytes, ...meta };
    case "lifetime_root":
    case "mirrored":
      return { type, offset, at, message: bytes, ...meta };
    case "signal_received":
      return { type, offset, at, value: bytes, ...meta };
    default:
      return { type, offset, at, ...meta };
  }
};

/** Field numbers of PlanExecution and TaskExecution, and of ExecutionHeader. */
const HEADER = 1;
const LIFETIME_ID = 4;

const texts = new TextDecoder();

/** The lifetime that a record belongs to, of which no more is decoded; undefined for the tenant's own. */
export const lifetimeOf = ({ type: code, meta, body }: Entry): string | undefined => {
  const type = BY_CODE.get(code)?.type;
  if (type !== "input" && type !== "execution") return (meta as { lifetime?: string } | null)?.lifetime;
  const header = type === "input" ? body : fieldOf(body, HEADER);
  return header && texts.decode(fieldOf(header, LIFETIME_ID));
};

const fieldOf = (message: Uint8Array, wanted: number): Uint8Array | undefined =>
  delimitedFields(message).find(([field]) => field === wanted)?.[1];
