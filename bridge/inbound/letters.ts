/** Records of Kafka as dead letters of a tenant that is not there, in parts that one transaction takes. */
import type { Ranged } from "../kafka/ranges.ts";
import { NO_BYTES } from "../kafka/records.ts";
import type { KafkaRecord } from "../kafka/writer.ts";

const PART_RECORDS = 1_000;
const PART_BYTES = 4 * 1024 * 1024;

export interface Part {
  readonly records: readonly Ranged[];
  /** The offset after them. */
  readonly next: number;
}

const sizeOf = ({ key, value }: Ranged): number => (key?.byteLength ?? 0) + (value?.byteLength ?? 0);

/** Of records in order; `next` is the offset after the last. */
export function* partsOf(records: readonly Ranged[], next: number): Generator<Part> {
  let from = 0;
  let bytes = 0;
  for (const [at, record] of records.entries()) {
    const size = sizeOf(record);
    if (at > from && (at - from === PART_RECORDS || bytes + size > PART_BYTES)) {
      yield { records: records.slice(from, at), next: record.offset };
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (from < records.length) yield { records: records.slice(from), next };
}

/** Key, value and headers as they came, and where. */
export const letterOf = (record: Ranged, letters: string): KafkaRecord => ({
  topic: letters,
  key: record.key ?? NO_BYTES,
  value: record.value ?? NO_BYTES,
  timestamp: record.timestamp,
  headers: {
    ...record.headers,
    "escapement-reason": "unknown_tenant",
    "escapement-topic": record.topic,
    "escapement-partition": String(record.partition),
    "escapement-offset": String(record.offset),
  },
});
