/** What arrived in a turn and does not count, kept for people: strays, and dead letters. */
import { MESSAGE_BYTES_MAX } from "../limits.ts";
import type { Kind } from "../topics/topics.ts";
import type { Execution } from "../wire/codec.ts";
import type { DeadLetterReason, Disposition, StrayReason } from "./disposition.ts";
import type { DeadLetter, Stray } from "./store.ts";

/** Where the record that is being taken in lies in Kafka. */
export interface KafkaPlace {
  readonly partition: number;
  readonly offset: number;
  /** What matches nothing here is another deployment's to take. */
  readonly notOurs?: boolean;
  /** The same may have come on another topic. */
  readonly again?: boolean;
}

export class Evidence {
  readonly #at: number;
  readonly strays: Stray[] = [];
  readonly deadLetters: DeadLetter[] = [];
  #place: KafkaPlace | undefined;

  constructor(at: number) {
    this.#at = at;
  }

  /** While something from Kafka is being taken in. */
  get place(): KafkaPlace | undefined {
    return this.#place;
  }

  /** Takes in what lies there in Kafka. */
  from<T>(place: KafkaPlace, take: () => T): T {
    this.#place = place;
    try {
      return take();
    } finally {
      this.#place = undefined;
    }
  }

  setAside(reason: StrayReason, kind: Kind, message: Uint8Array, execution: Execution): Disposition {
    if (reason === "unknown" && this.place?.notOurs) return NOT_OURS;
    if (reason === "duplicate" && this.place?.again) return DUPLICATE;
    this.strays.push({ at: this.#at, reason, kind, message });
    return { outcome: "stray", reason, exec_id: execution.header?.execId ?? "" };
  }

  bury(topic: string, message: Uint8Array, reason: DeadLetterReason, detail: string): Disposition {
    if (reason === "uncorrelated" && this.place?.notOurs) return NOT_OURS;
    // What is too large to be a message is too large for a row; how it begins is evidence enough.
    const kept = message.subarray(0, MESSAGE_BYTES_MAX);
    const from = this.place && { from: { partition: this.place.partition, offset: this.place.offset } };
    this.deadLetters.push({ at: this.#at, reason, detail, topic, message: kept, ...from });
    return { outcome: "dead_letter", reason };
  }
}

const DUPLICATE: Disposition = { outcome: "ignored", reason: "duplicate" };
const NOT_OURS: Disposition = { outcome: "ignored", reason: "not_ours" };
