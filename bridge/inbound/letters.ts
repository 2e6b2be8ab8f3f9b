/** Records of Kafka as dead letters of a tenant that is not there, in parts that one transaction takes. */
import { writeByHalves } from "../kafka/halves.ts";
import type { Ranged } from "../kafka/ranges.ts";
import { NO_BYTES } from "../kafka/records.ts";
import type { KafkaRecord, ProgressAt, Writer } from "../kafka/writer.ts";

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

type Place = Omit<ProgressAt, "next">;

/** Writes parts together with how far that is, and goes on after one that the broker does not take. */
export class LetterWriter {
  /** Another, where nobody else has written meanwhile. */
  readonly #anew: () => Promise<Writer>;
  #writer: Writer | undefined;

  constructor(writer: Writer, anew: () => Promise<Writer>) {
    this.#writer = writer;
    this.#anew = anew;
  }

  /** Answers the records that the broker will never take: they are passed over all the same. */
  async write(
    { records, next }: Part,
    letters: string,
    at: Place,
    reached: (next: number) => void,
  ): Promise<readonly Ranged[]> {
    const refused: Ranged[] = [];
    const commit = async (some: readonly Ranged[], through: number) => {
      await this.#commit(
        some.map((record) => letterOf(record, letters)),
        { ...at, next: through + 1 },
      );
      reached(through + 1);
    };
    await writeByHalves(records, next - 1, commit, async (one, through) => {
      await commit([], through);
      refused.push(one);
    });
    return refused;
  }

  async close(): Promise<void> {
    await this.#writer?.close();
    this.#writer = undefined;
  }

  async #commit(records: readonly KafkaRecord[], progress: ProgressAt): Promise<void> {
    this.#writer ??= await this.#anew();
    try {
      await this.#writer.write(records, progress);
    } catch (error) {
      await this.close();
      throw error;
    }
  }
}
