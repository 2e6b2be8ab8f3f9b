/**
 * Kafka → edge, for one connection: hands the object records of one partition at a time and in order, within the credit
 * that it gives, and knows from its marks what it has. Keeps no records: who brought them asks again.
 */
import { wireTopic } from "../../src/mirror/frame.ts";
import type { Topic } from "../../src/topics/topics.ts";
import {
  type Credit,
  type Mark,
  type Refusal,
  RefusalCode,
} from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { crashPoint } from "../crash-points.ts";
import type { Link } from "../edge/link.ts";
import { refusalName } from "../edge/refusal.ts";
import type { Verdict } from "../kafka/reader.ts";
import type { Log } from "../log.ts";
import { type Arriving, chunkOf } from "./chunk.ts";

/** How long a fetch may wait for the object, while the other partitions of its broker wait for it. */
const PATIENCE_MS = 1_000;
/** A partition that the object refuses is announced again after it: an operator may have seen to it. */
const REFUSED_MS = 15_000;

export interface Place {
  readonly topic: Topic;
  readonly partition: number;
}

export interface Offered {
  readonly records: readonly Arriving[];
  /** Where the fetch began, the offset after its last, and the one of the partition's next record. */
  readonly from: number;
  readonly next: number;
  readonly end: number;
}

interface PartitionState {
  /** The next offset that the object takes; undefined until it has said so on this connection. */
  mark: number | undefined;
  /** Whether the fetch has been sent to the mark. */
  sought: boolean;
  refusedUntil: number;
  changed: PromiseWithResolvers<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
const keyOf = (topic: number, partition: number) => `${topic}/${partition}`;

export class Arrivals {
  readonly #link: Link;
  readonly #log: Log;
  readonly #partitions = new Map<string, PartitionState>();
  #records: number;
  #bytes: number;
  #credited = Promise.withResolvers<void>();
  #open = true;

  constructor(link: Link, credit: Credit | undefined, log: Log) {
    this.#link = link;
    this.#log = log;
    this.#records = Number(credit?.records ?? 0);
    this.#bytes = Number(credit?.bytes ?? 0);
    void link.closed.then(() => {
      this.#open = false;
      this.#credited.resolve();
      for (const state of this.#partitions.values()) state.changed.resolve();
    });
  }

  /** What the group assigns is announced again before anything of it is sent. */
  forget(): void {
    for (const state of this.#partitions.values()) {
      state.mark = undefined;
      state.sought = false;
    }
  }

  credit({ records, bytes }: Credit): void {
    this.#records += Number(records);
    this.#bytes += Number(bytes);
    this.#credited.resolve();
    this.#credited = Promise.withResolvers();
  }

  received(marks: readonly Mark[]): void {
    for (const { topic, partition, next } of marks) {
      const state = this.#state(topic, partition);
      state.mark = Number(next);
      this.#tell(state);
    }
  }

  refused({ code, topic, partition, detail, retryAfterMs }: Refusal): void {
    const state = this.#state(topic, partition);
    state.refusedUntil = Date.now() + (Number(retryAfterMs) || REFUSED_MS);
    // Its place is asked for anew by then.
    state.mark = undefined;
    this.#log(code === RefusalCode.NO_ROOM ? "warn" : "error", "partition_refused", {
      code: refusalName(code),
      topic,
      partition,
      detail,
    });
    this.#tell(state);
  }

  async offer({ topic, partition }: Place, { records, from, next, end }: Offered): Promise<Verdict> {
    const wire = wireTopic(topic);
    const state = this.#state(wire, partition);
    const patience = sleep(PATIENCE_MS);
    if (state.mark === undefined && Date.now() >= state.refusedUntil) {
      this.#link.send({ case: "logEnds", value: { ends: [{ topic: wire, partition, end: BigInt(end) }] } });
      await Promise.race([state.changed.promise, patience]);
    }
    if (state.mark === undefined) return { until: this.#refusal(state) };
    if (state.mark < from && !state.sought) {
      state.sought = true;
      return { seek: state.mark };
    }
    for (let sent = 0; ; ) {
      const mark: number | undefined = state.mark;
      if (mark === undefined) return { until: this.#refusal(state) };
      while (sent < records.length && (records[sent]?.offset ?? 0) < mark) sent++;
      const rest = records[sent];
      if (rest === undefined) return { next };
      if (!(await this.#hasCredit(patience))) return { until: this.#credited.promise };
      const chunk = chunkOf(records, sent, this.#records, this.#bytes);
      this.#records -= chunk.records.length;
      this.#bytes -= chunk.bytes;
      const { promise } = state.changed;
      this.#link.send({
        case: "arrivals",
        value: { records: chunk.records.map((record) => ({ topic: wire, partition, ...record })) },
      });
      crashPoint("arrivals-sent");
      const taken = this.#until(state, (chunk.records.at(-1)?.offset ?? 0n) + 1n, promise);
      if (!(await Promise.race([taken, patience.then(() => false)]))) return { until: taken };
      crashPoint("arrivals-received");
    }
  }

  /** Settles when the object has all before `next`, has refused it, or is gone; true where it has it. */
  async #until(state: PartitionState, next: bigint, changed: Promise<void>): Promise<boolean> {
    await changed;
    while (this.#open && state.mark !== undefined && state.mark < next) await state.changed.promise;
    return state.mark !== undefined && state.mark >= next;
  }

  async #hasCredit(patience: Promise<void>): Promise<boolean> {
    let late = false;
    void patience.then(() => {
      late = true;
    });
    while (this.#open && !late && (this.#records <= 0 || this.#bytes <= 0))
      await Promise.race([this.#credited.promise, patience]);
    return this.#open && this.#records > 0 && this.#bytes > 0;
  }

  /** Also settles with the connection: the next one starts anew. */
  #refusal(state: PartitionState): Promise<unknown> {
    const wait = Math.max(0, state.refusedUntil - Date.now());
    if (wait === 0) return state.changed.promise;
    return Promise.race([sleep(wait), this.#link.closed]);
  }

  #tell(state: PartitionState): void {
    state.changed.resolve();
    state.changed = Promise.withResolvers();
  }

  #state(topic: number, partition: number): PartitionState {
    const key = keyOf(topic, partition);
    const found = this.#partitions.get(key);
    if (found) return found;
    const state = { mark: undefined, sought: false, refusedUntil: 0, changed: Promise.withResolvers<void>() };
    this.#partitions.set(key, state);
    return state;
  }
}
