/**
 * Kafka → edge, for one connection: hands the object records of one partition at a time and in order, within the credit
 * that it gives, and knows from its marks what it has. Keeps no records: who brought them asks again.
 */
import { topicOfWire, wireTopic } from "../../src/mirror/frame.ts";
import { refusalName } from "../../src/mirror/refusal.ts";
import type { Topic } from "../../src/topics/topics.ts";
import {
  type Credit,
  type Mark,
  type Refusal,
  RefusalCode,
  type Welcome,
} from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { crashPoint } from "../crash-points.ts";
import type { Link } from "../edge/link.ts";
import type { Verdict } from "../kafka/reader.ts";
import type { Log } from "../log.ts";
import { type Arriving, type Chunk, chunkOf } from "./chunk.ts";
import { arrivalsFrame } from "./frame.ts";

/** How long a fetch may wait for the object, while the other partitions of its broker wait for it. */
const PATIENCE_MS = 100;
/** No partition ends above it: asks for the mark alone. What a fetch says of the end may be of before. */
const MARK_ONLY = Number.MAX_SAFE_INTEGER;
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

export interface ArrivalsPorts {
  readonly log: Log;
  /** The offset that a partition's next record will have, as Kafka has it now. */
  end(topic: Topic, partition: number): Promise<number>;
  /** They are on disk at the object. */
  moved(topic: Topic, moved: Moved): void;
}

export interface Moved {
  /** Of their values. */
  readonly bytes: number;
  /** Of each, milliseconds since the epoch. */
  readonly timestamps: readonly number[];
}

const movedOf = (records: Chunk["records"]): Moved => ({
  bytes: records.reduce((sum, { value }) => sum + value.byteLength, 0),
  timestamps: records.map(({ timestamp }) => timestamp),
});

interface PartitionState {
  /** The next offset that the object takes; undefined until it has said so on this connection. */
  mark: number | undefined;
  /** The mark that the fetch has been sent to. */
  sought: number | undefined;
  /** From a mark to this offset there are no records: the ends of transactions have offsets too. */
  gap: { readonly mark: number; readonly to: number } | undefined;
  refusedUntil: number;
  /** Whether the object has the last frame. There is one on its way at the most: none follows what may be refused. */
  last: Promise<boolean>;
  changed: PromiseWithResolvers<void>;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
/** Whether it settles within what a fetch may wait. */
const inTime = (promise: Promise<unknown>): Promise<boolean> =>
  Promise.race([promise.then(() => true), sleep(PATIENCE_MS).then(() => false)]);
/** Its place has to be asked for anew. */
const unplace = (state: PartitionState): void => {
  state.mark = undefined;
  state.sought = undefined;
  state.gap = undefined;
};

/** Whether no record lies between a mark and where a fetch began; else that is fetched first. */
const follows = (state: PartitionState, mark: number, from: number): boolean => {
  if (from <= mark || (state.gap?.mark === mark && from <= state.gap.to)) return true;
  // Kafka was asked for what is at the mark, and this is where it goes on.
  return state.sought === mark;
};

const keyOf = (topic: number, partition: number) => `${topic}/${partition}`;

export type ArrivalsLink = Pick<Link, "send" | "sendFrame" | "closed">;

export class Arrivals {
  readonly #link: ArrivalsLink;
  readonly #ports: ArrivalsPorts;
  /** Whether there was a tenant of this name before. */
  readonly #again: boolean;
  readonly #partitions = new Map<string, PartitionState>();
  #records: number;
  #bytes: number;
  #credited = Promise.withResolvers<void>();
  #open = true;

  constructor(
    link: ArrivalsLink,
    { credit, generation, marks }: Pick<Welcome, "credit" | "generation" | "marks">,
    ports: ArrivalsPorts,
  ) {
    this.#link = link;
    this.#ports = ports;
    this.#again = generation > 1n;
    this.#records = Number(credit?.records ?? 0);
    this.#bytes = Number(credit?.bytes ?? 0);
    void link.closed.then(() => {
      this.#open = false;
      this.#credited.resolve();
      for (const state of this.#partitions.values()) state.changed.resolve();
    });
    this.received(marks);
  }

  /** What the group assigns is announced again before anything of it is sent. */
  forget(): void {
    for (const state of this.#partitions.values()) unplace(state);
  }

  credit({ records, bytes }: Credit): void {
    this.#records += Number(records);
    this.#bytes += Number(bytes);
    this.#credited.resolve();
    this.#credited = Promise.withResolvers();
  }

  received(marks: readonly Mark[]): void {
    for (const { topic, partition, next, generation } of marks) {
      const state = this.#state(topic, partition);
      const mark = Number(next);
      // The partition was made anew, and what was seen of it is of before.
      if (state.mark !== undefined && mark < state.mark) unplace(state);
      state.mark = mark;
      // Nothing of it was ever taken: what the group has passed was of a tenant that is gone, and does not come back.
      if (this.#again && mark === 0 && generation === 0n) state.gap = { mark, to: Number.MAX_SAFE_INTEGER };
      state.refusedUntil = 0;
      this.#tell(state);
    }
  }

  refused({ code, topic, partition, detail, retryAfterMs }: Refusal): void {
    const state = this.#state(topic, partition);
    state.refusedUntil = Date.now() + (Number(retryAfterMs) || REFUSED_MS);
    this.#ports.log(code === RefusalCode.NO_ROOM ? "warn" : "error", "partition_refused", {
      code: refusalName(code),
      topic: topicOfWire(topic),
      partition,
      offset: state.mark,
      detail,
    });
    // Its place is asked for anew by then, and what was sent is fetched again.
    unplace(state);
    this.#tell(state);
  }

  async offer(place: Place, { records, from, next, end }: Offered): Promise<Verdict> {
    const { topic, partition } = place;
    const state = this.#state(wireTopic(topic), partition);
    if (!(await inTime(state.last))) return { next: from, until: state.last };
    if (!this.#open) return { next: from, until: sleep(PATIENCE_MS) };
    if (state.mark === undefined) await this.#ask(place, state, MARK_ONLY);
    if (state.mark === undefined) return { next: from, until: this.#refusal(state) };
    if (end < state.mark) {
      // What was fetched may be of before another bridge sent more; else the topic was made anew.
      const now = await this.#ports.end(topic, partition);
      if (now < state.mark) await this.#ask(place, state, now);
      if (state.mark === undefined || now < state.mark) return { next: from, until: this.#refusal(state) };
    }
    if (!follows(state, state.mark, from) || state.mark > next) {
      state.sought = state.mark;
      return { seek: state.mark };
    }
    return this.#send(place, state, { records, from, next });
  }

  async #send(
    { topic, partition }: Place,
    state: PartitionState,
    { records, from, next }: Omit<Offered, "end">,
  ): Promise<Verdict> {
    const wire = wireTopic(topic);
    for (let sent = 0, reached = from, had = 0; ; ) {
      const mark: number | undefined = state.mark;
      if (mark === undefined) return { next: reached, until: this.#refusal(state) };
      if (mark < had) return { seek: mark };
      while (sent < records.length && (records[sent]?.offset ?? 0) < mark) sent++;
      if (sent === records.length) {
        state.gap = { mark, to: next };
        return { next };
      }
      reached = Math.max(reached, mark);
      // Nothing waits for a slow object while other partitions wait for this one.
      if (this.#records <= 0 || this.#bytes <= 0) return { next: reached, until: this.#credited.promise };
      const chunk = chunkOf(records, sent, this.#records, this.#bytes);
      this.#records -= chunk.records.length;
      this.#bytes -= chunk.bytes;
      const { promise } = state.changed;
      // Their bytes are not kept until the object has answered.
      const moved = movedOf(chunk.records);
      this.#link.sendFrame(arrivalsFrame(wire, partition, chunk.records));
      crashPoint("arrivals-sent");
      had = (chunk.records.at(-1)?.offset ?? 0) + 1;
      const taken = this.#until(state, had, promise).then((all) => {
        if (all) this.#ports.moved(topic, moved);
        if (all) crashPoint("arrivals-received");
        return all;
      });
      state.last = taken;
      // The next is fetched meanwhile.
      if (sent + chunk.records.length === records.length) {
        state.gap = { mark: had, to: next };
        return { next, taken };
      }
      if (!(await inTime(taken))) return { next: reached, until: taken };
      if (!this.#open) return { next: reached, until: sleep(PATIENCE_MS) };
    }
  }

  /** Where the object goes on; it refuses a partition that ends below that. */
  async #ask({ topic, partition }: Place, state: PartitionState, end: number): Promise<void> {
    if (Date.now() < state.refusedUntil) return;
    const { promise } = state.changed;
    const ends = [{ topic: wireTopic(topic), partition, end: BigInt(end) }];
    this.#link.send({ case: "logEnds", value: { ends } });
    await Promise.race([promise, sleep(PATIENCE_MS)]);
  }

  /** Settles when the object has all before `next`, has refused it, or is gone; true where it has it. */
  async #until(state: PartitionState, next: number, changed: Promise<void>): Promise<boolean> {
    await changed;
    while (this.#open && state.mark !== undefined && state.mark < next) await state.changed.promise;
    return state.mark !== undefined && state.mark >= next;
  }

  /** Also settles with the connection: the next one starts anew. */
  #refusal(state: PartitionState): Promise<unknown> {
    const wait = Math.max(0, state.refusedUntil - Date.now());
    if (wait === 0) return state.changed.promise;
    return Promise.race([sleep(wait), state.changed.promise]);
  }

  #tell(state: PartitionState): void {
    state.changed.resolve();
    state.changed = Promise.withResolvers();
  }

  #state(topic: number, partition: number): PartitionState {
    const key = keyOf(topic, partition);
    const found = this.#partitions.get(key);
    if (found) return found;
    const state = {
      mark: undefined,
      sought: undefined,
      gap: undefined,
      refusedUntil: 0,
      last: Promise.resolve(true),
      changed: Promise.withResolvers<void>(),
    };
    this.#partitions.set(key, state);
    return state;
  }
}
