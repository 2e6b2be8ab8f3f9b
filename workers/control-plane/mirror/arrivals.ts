/**
 * Takes in what bridges bring from Kafka: the records of a frame and the marks of their partitions in one transaction.
 * Frames of a partition are taken one after the other, so that no mark passes what was not taken.
 */
import type { Turn } from "../../../src/control-plane/turn.ts";
import { MIRROR_CREDIT_BYTES, MIRROR_CREDIT_RECORDS } from "../../../src/limits.ts";
import { type Arrival, admit, type Fate, type Here } from "../../../src/mirror/admit.ts";
import { topicOfWire, wireTopic } from "../../../src/mirror/frame.ts";
import type { Mark } from "../../../src/mirror/mark.ts";
import type { Arrivals as ArrivalsFrame } from "../../../src/mirror/read-arrivals.ts";
import { mirrorSettings } from "../../../src/mirror/settings.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import { type LogEnds, RefusalCode } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import type { Engine } from "../engine.ts";
import type { Connection } from "./connection.ts";
import { markKey } from "./mark-table.ts";

export interface ArrivalsPorts {
  readonly deployment: string;
  arrived(alike: Alike): void;
}

/** What became of records that came one after the other, and of which the same has become. */
export interface Alike {
  readonly topic: Topic;
  readonly fate: Fate;
  records: number;
  /** Of their messages. */
  bytes: number;
}

interface Refused {
  readonly topic: Topic;
  readonly partition: number;
  readonly code: RefusalCode;
  readonly detail: string;
  readonly retryAfterMs: number;
}

/** What became of records, beside being recorded. */
interface ArrivalsTally {
  readonly echoes: number;
  readonly deadLetters: number;
}

const NOTHING: ArrivalsTally = { echoes: 0, deadLetters: 0 };

/** Where a partition goes on, before what was brought of it and after, or why it goes no further. */
interface Reached {
  readonly mark: Mark;
  next: number;
  refused?: Refused;
}

/** The partitions that a frame named, and what became of the records of those that were not refused. */
interface Taken {
  readonly reached: ReadonlyMap<string, Reached>;
  readonly fates: readonly Alike[];
}

/** What a connection has sent and is not taken in yet. */
interface Behind {
  records: number;
  /** Of credit. */
  bytes: number;
}

export class Arrivals {
  readonly #engine: Engine;
  readonly #ports: ArrivalsPorts;
  readonly #behind = new WeakMap<Connection, Behind>();
  /** What is being taken of each partition. */
  readonly #taking = new Map<string, Promise<void>>();
  /** Of connections that failed nothing more is taken: it would follow what was not. */
  readonly #broken = new WeakSet<Connection>();
  /** Partitions for which there was no room, and who brought them. */
  readonly #waiting = new Map<
    string,
    { readonly from: Connection; readonly topic: Topic; readonly partition: number }
  >();

  constructor(engine: Engine, ports: ArrivalsPorts) {
    this.#engine = engine;
    this.#ports = ports;
  }

  /**
   * At once, so that frames of several partitions share a transaction; after what came before of the same ones. False
   * where there was no credit for it.
   */
  take(from: Connection, { records, credit }: ArrivalsFrame): boolean {
    const behind = this.#behind.get(from) ?? { records: 0, bytes: 0 };
    // The last of a batch may go over the bytes.
    if (behind.records + credit.records > MIRROR_CREDIT_RECORDS || behind.bytes >= MIRROR_CREDIT_BYTES)
      return false;
    behind.records += credit.records;
    behind.bytes += credit.bytes;
    this.#behind.set(from, behind);
    const given = () => {
      behind.records -= credit.records;
      behind.bytes -= credit.bytes;
      const value = { records: BigInt(credit.records), bytes: BigInt(credit.bytes) };
      from.send({ case: "credit", value });
    };
    const keys = partitionsOf(records);
    const before = keys.flatMap((key) => this.#taking.get(key) ?? []);
    const taken = before.length === 0 ? this.#take(from, records) : this.#takeAfter(before, from, records);
    const settled = taken.then(given).catch((cause) => this.#failed(from, cause));
    for (const key of keys) this.#taking.set(key, settled);
    void settled.then(() => {
      for (const key of keys) if (this.#taking.get(key) === settled) this.#taking.delete(key);
    });
    return true;
  }

  /** Where partitions end: one that ends below its mark was made anew. */
  compare(from: Connection, { ends }: LogEnds): void {
    const { marks } = this.#engine.parts;
    const known: Mark[] = [];
    const regressed: Mark[] = [];
    for (const { topic: wire, partition, end } of ends) {
      const topic = topicOfWire(wire);
      if (topic === undefined) continue;
      const mark = marks.get(topic, partition);
      if (mark.regressed || Number(end) < mark.next) regressed.push({ ...mark, regressed: true });
      else known.push(mark);
    }
    this.#engine.commit(() => marks.write(regressed));
    sendMarks(from, known);
    for (const mark of regressed) refuse(from, regression(mark));
  }

  /** What waits for room is told where it goes on, before it looks by itself. */
  invite(): void {
    const { marks } = this.#engine.parts;
    for (const { from, topic, partition } of this.#waiting.values())
      sendMarks(from, [marks.get(topic, partition)]);
    this.#waiting.clear();
  }

  async #takeAfter(before: readonly unknown[], from: Connection, records: readonly Arrival[]): Promise<void> {
    await Promise.all(before);
    await this.#take(from, records);
  }

  async #take(from: Connection, records: readonly Arrival[]): Promise<void> {
    if (this.#broken.has(from)) return;
    const { inbox, parts } = this.#engine;
    let taken: Taken;
    try {
      taken = await inbox.ask((turn) => this.#admitAll(turn, records));
    } catch (cause) {
      this.#engine.watch.say("error", "arrivals_not_committed", { detail: String(cause) });
      taken = await this.#oneByOne(records);
    }
    const { reached, fates } = taken;
    // Only now: a transaction that failed is tried again.
    for (const each of fates) this.#ports.arrived(each);
    const marks = [...reached.values()].map(({ mark }) => parts.marks.get(mark.topic, mark.partition));
    sendMarks(
      from,
      marks.filter(({ regressed }) => !regressed),
      tallyOf(fates),
    );
    for (const [key, { refused }] of reached) {
      if (refused === undefined) continue;
      refuse(from, refused);
      if (refused.code === RefusalCode.NO_ROOM) this.#waiting.set(key, { ...refused, from });
    }
  }

  /** What fails a transaction is found and kept as evidence, so that it holds up no other. */
  async #oneByOne(records: readonly Arrival[]): Promise<Taken> {
    const { inbox } = this.#engine;
    const reached = new Map<string, Reached>();
    const fates: Alike[] = [];
    for (const each of records) {
      if (reached.get(markKey(each.topic, each.partition))?.refused) continue;
      const one = await inbox
        .ask((turn) => this.#admitAll(turn, [each]))
        .catch((cause) => inbox.ask((turn) => this.#admitAll(turn, [each], String(cause))));
      for (const [key, place] of one.reached) reached.set(key, place);
      fates.push(...one.fates);
    }
    return { reached, fates };
  }

  /** `failed` says why what was tried before did not go. */
  #admitAll(turn: Turn, records: readonly Arrival[], failed?: string): Taken {
    const here = this.#here();
    const reached = new Map<string, Reached>();
    const fates: Alike[] = [];
    let place: Reached | undefined;
    for (const each of records) {
      const { topic, partition, offset, message } = each;
      if (place?.mark.partition !== partition || place.mark.topic !== topic)
        place = this.#reached(turn, reached, each);
      if (place.refused) continue;
      const fate = this.#fate(turn, each, place.next, here, failed);
      note(fates, topic, fate, message.byteLength);
      if (fate.outcome === "refused") {
        const { detail, retryAfterMs = 0 } = fate.rejection;
        place.refused = { topic, partition, code: RefusalCode.NO_ROOM, detail, retryAfterMs };
      } else if (offset >= place.next) place.next = offset + 1;
    }
    for (const [key, { mark, next }] of reached) if (next > mark.next) turn.marks.set(key, { ...mark, next });
    return { reached, fates };
  }

  /** Of the partition of a record. */
  #reached(turn: Turn, reached: Map<string, Reached>, { topic, partition }: Arrival): Reached {
    const key = markKey(topic, partition);
    const found = reached.get(key);
    if (found) return found;
    const mark = turn.marks.get(key) ?? this.#engine.parts.marks.get(topic, partition);
    const place = { mark, next: mark.next, ...(mark.regressed && { refused: regression(mark) }) };
    reached.set(key, place);
    return place;
  }

  /** What throws takes with it all that the turn has of it, and of the others: they are tried one by one. */
  #fate(turn: Turn, arrival: Arrival, next: number, here: Here, failed: string | undefined): Fate {
    const { topic, partition, offset, message } = arrival;
    if (offset < next) return { outcome: "ignored", reason: "redelivered" };
    if (failed !== undefined) {
      const bury = () => turn.evidence.bury(topic, message, "internal", failed);
      return turn.evidence.from({ partition, offset }, bury);
    }
    const may = this.#engine.room.mayArrive();
    if (!may.ok) return { outcome: "refused", rejection: may.error };
    return admit(turn, arrival, here);
  }

  #here(): Here {
    const { parts, room, identity } = this.#engine;
    return {
      tenant: identity?.tenant ?? "",
      deployment: this.#ports.deployment,
      settings: mirrorSettings(identity?.mirror),
      generation: (topic, partition) => parts.marks.get(topic, partition).generation,
      find: (graph) => parts.graphs.find(graph),
      withEntry: (plan) => parts.graphs.withEntry(plan),
      index: (graph, version) => parts.graphs.index(graph, version),
      mayStart: () => room.mayStart(),
    };
  }

  /** It is told nothing, so it brings the same again. */
  #failed(from: Connection, cause: unknown): void {
    this.#broken.add(from);
    this.#engine.watch.say("error", "arrivals_failed", { detail: String(cause) });
    from.close(INTERNAL, "what was sent was not taken in; send it again");
  }
}

/** Of a close frame. */
const INTERNAL = 1011;

/** Keys of their marks: mostly of one. */
const partitionsOf = (records: readonly Arrival[]): readonly string[] => {
  const keys = new Set<string>();
  let last: Arrival | undefined;
  for (const each of records) {
    if (last?.topic !== each.topic || last.partition !== each.partition)
      keys.add(markKey(each.topic, each.partition));
    last = each;
  }
  return [...keys];
};

export const sendMarks = (
  to: Connection,
  marks: readonly Mark[],
  { echoes, deadLetters }: ArrivalsTally = NOTHING,
): void => {
  if (marks.length + echoes + deadLetters === 0) return;
  const value = {
    marks: marks.map(markFrame),
    echoes: BigInt(echoes),
    deadLetters: BigInt(deadLetters),
  };
  to.send({ case: "received", value });
};

export const markFrame = ({ topic, partition, next, generation }: Mark) => ({
  topic: wireTopic(topic),
  partition,
  next: BigInt(next),
  generation: BigInt(generation),
});

const note = (fates: Alike[], topic: Topic, fate: Fate, bytes: number): void => {
  const last = fates.at(-1);
  if (last?.topic !== topic || reasonOf(last.fate) !== reasonOf(fate))
    fates.push({ topic, fate, records: 1, bytes });
  else {
    last.records++;
    last.bytes += bytes;
  }
};

const reasonOf = (fate: Fate): string => (fate.outcome === "ignored" ? fate.reason : fate.outcome);

const tallyOf = (fates: readonly Alike[]): ArrivalsTally => {
  let [echoes, deadLetters] = [0, 0];
  for (const { fate, records } of fates)
    if (fate.outcome === "dead_letter") deadLetters += records;
    else if (fate.outcome === "ignored" && fate.reason === "echo") echoes += records;
  return { echoes, deadLetters };
};

const regression = ({ topic, partition, next }: Mark): Refused => ({
  topic,
  partition,
  code: RefusalCode.OFFSET_REGRESSED,
  detail: `${topic}/${partition} ends below ${next}, up to which it was taken in; if it was made anew, begin a new generation of it`,
  retryAfterMs: 0,
});

const refuse = (to: Connection, { topic, partition, code, detail, retryAfterMs }: Refused): void => {
  const value = { code, detail, topic: wireTopic(topic), partition, retryAfterMs: BigInt(retryAfterMs) };
  to.send({ case: "refusal", value });
};
