/**
 * Takes in what bridges bring from Kafka: the records of a frame and the marks of their partitions in one transaction.
 * Frames of a connection are taken one after the other, so that no mark passes what was not taken.
 */
import type { Turn } from "../../../src/control-plane/turn.ts";
import { MIRROR_CREDIT_BYTES, MIRROR_CREDIT_RECORDS } from "../../../src/limits.ts";
import { type Arrival, admit, type Fate, type Here } from "../../../src/mirror/admit.ts";
import { creditOfAll } from "../../../src/mirror/credit.ts";
import { topicOfWire, wireTopic } from "../../../src/mirror/frame.ts";
import type { Mark } from "../../../src/mirror/mark.ts";
import { ORIGIN_HEADER, parseOrigin } from "../../../src/mirror/origin.ts";
import { mirrorSettings } from "../../../src/mirror/settings.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import {
  type Arrivals as ArrivalsFrame,
  type LogEnds,
  RefusalCode,
  type Arrival as WireArrival,
} from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import type { Engine } from "../engine.ts";
import type { Connection } from "./connection.ts";
import { markKey } from "./mark-table.ts";

export interface ArrivalsPorts {
  readonly deployment: string;
  /** What became of each. */
  arrived(topic: Topic, bytes: number, fate: Fate): void;
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

/** Partitions that a frame named, why some of them go no further, and what became of each record of the others. */
interface Taken {
  readonly partitions: ReadonlyMap<string, { readonly topic: Topic; readonly partition: number }>;
  readonly refused: ReadonlyMap<string, Refused>;
  readonly fates: readonly { readonly topic: Topic; readonly bytes: number; readonly fate: Fate }[];
}

type Read = Omit<Arrival, "generation">;

/** What a connection has sent and is not taken in yet, and when the last of it will be. */
interface Behind {
  last: Promise<void>;
  records: number;
  /** Of credit. */
  bytes: number;
}

export class Arrivals {
  readonly #engine: Engine;
  readonly #ports: ArrivalsPorts;
  readonly #behind = new WeakMap<Connection, Behind>();
  /** Partitions for which there was no room, and who brought them. */
  readonly #waiting = new Map<
    string,
    { readonly from: Connection; readonly topic: Topic; readonly partition: number }
  >();

  constructor(engine: Engine, ports: ArrivalsPorts) {
    this.#engine = engine;
    this.#ports = ports;
  }

  /** False where there was no credit for it. */
  take(from: Connection, { records }: ArrivalsFrame): boolean {
    const behind = this.#behind.get(from) ?? { last: Promise.resolve(), records: 0, bytes: 0 };
    // The last of a batch may go over the bytes.
    if (behind.records + records.length > MIRROR_CREDIT_RECORDS || behind.bytes >= MIRROR_CREDIT_BYTES)
      return false;
    const bytes = creditOfAll(records);
    behind.records += records.length;
    behind.bytes += bytes;
    this.#behind.set(from, behind);
    const given = () => {
      behind.records -= records.length;
      behind.bytes -= bytes;
      from.send({ case: "credit", value: { records: BigInt(records.length), bytes: BigInt(bytes) } });
    };
    behind.last = behind.last
      .then(() => this.#take(from, records))
      .then(given)
      .catch((cause) => this.#failed(from, cause));
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

  async #take(from: Connection, frame: ArrivalsFrame["records"]): Promise<void> {
    const records = frame.flatMap((each) => readArrival(each) ?? []);
    const { inbox, parts } = this.#engine;
    let taken: Taken;
    try {
      taken = await inbox.ask((turn) => this.#admitAll(turn, records));
    } catch (cause) {
      this.#engine.watch.say("error", "arrivals_not_committed", { detail: String(cause) });
      taken = await this.#oneByOne(records);
    }
    const { partitions, refused, fates } = taken;
    // Only now: a transaction that failed is tried again.
    for (const { topic, bytes, fate } of fates) this.#ports.arrived(topic, bytes, fate);
    const marks = [...partitions.values()].map(({ topic, partition }) => parts.marks.get(topic, partition));
    sendMarks(
      from,
      marks.filter(({ regressed }) => !regressed),
      tallyOf(fates),
    );
    for (const [key, each] of refused) {
      refuse(from, each);
      if (each.code === RefusalCode.NO_ROOM) this.#waiting.set(key, { ...each, from });
    }
  }

  /** What fails a transaction is found and kept as evidence, so that it holds up no other. */
  async #oneByOne(records: readonly Read[]): Promise<Taken> {
    const { inbox } = this.#engine;
    const partitions = new Map(records.map((each) => [markKey(each.topic, each.partition), each]));
    const refused = new Map<string, Refused>();
    const fates: Taken["fates"][number][] = [];
    for (const each of records) {
      if (refused.has(markKey(each.topic, each.partition))) continue;
      const one = await inbox
        .ask((turn) => this.#admitAll(turn, [each]))
        .catch((cause) => inbox.ask((turn) => this.#admitAll(turn, [each], String(cause))));
      for (const [key, why] of one.refused) refused.set(key, why);
      fates.push(...one.fates);
    }
    return { partitions, refused, fates };
  }

  /** `failed` says why what was tried before did not go. */
  #admitAll(turn: Turn, records: readonly Read[], failed?: string): Taken {
    const { marks } = this.#engine.parts;
    const here = this.#here();
    const partitions = new Map<string, Read>();
    const refused = new Map<string, Refused>();
    const fates: Taken["fates"][number][] = [];
    for (const each of records) {
      const { topic, partition, offset, message } = each;
      const key = markKey(topic, partition);
      partitions.set(key, each);
      if (refused.has(key)) continue;
      const mark = turn.marks.get(key) ?? marks.get(topic, partition);
      if (mark.regressed) {
        refused.set(key, regression(mark));
        continue;
      }
      const fate = this.#fate(turn, { ...each, generation: mark.generation }, mark, here, failed);
      fates.push({ topic, bytes: message.byteLength, fate });
      if (fate.outcome === "refused") {
        const { detail, retryAfterMs = 0 } = fate.rejection;
        refused.set(key, { topic, partition, code: RefusalCode.NO_ROOM, detail, retryAfterMs });
      } else if (offset >= mark.next) turn.marks.set(key, { ...mark, next: offset + 1 });
    }
    return { partitions, refused, fates };
  }

  /** What throws takes with it all that the turn has of it, and of the others: they are tried one by one. */
  #fate(turn: Turn, arrival: Arrival, mark: Mark, here: Here, failed: string | undefined): Fate {
    const { topic, partition, offset, message } = arrival;
    if (offset < mark.next) return { outcome: "ignored", reason: "redelivered" };
    const bury = (detail: string) => turn.evidence.bury(topic, message, "internal", detail);
    if (failed !== undefined) return turn.evidence.from({ partition, offset }, () => bury(failed));
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
      find: (graph) => parts.graphs.find(graph),
      withEntry: (plan) => parts.graphs.withEntry(plan),
      index: (graph, version) => parts.graphs.index(graph, version),
      mayStart: () => room.mayStart(),
    };
  }

  /** It is told nothing, so it brings the same again. */
  #failed(from: Connection, cause: unknown): void {
    this.#engine.watch.say("error", "arrivals_failed", { detail: String(cause) });
    from.close(INTERNAL, "what was sent was not taken in; send it again");
  }
}

/** Of a close frame. */
const INTERNAL = 1011;

const texts = new TextDecoder();

/** Undefined for a topic that this code does not know. */
const readArrival = (arrival: WireArrival): Read | undefined => {
  const { partition, offset, value: message, headers, fault } = arrival;
  const topic = topicOfWire(arrival.topic);
  if (topic === undefined) return undefined;
  const header = headers.find(({ name }) => name === ORIGIN_HEADER);
  const origin = header && parseOrigin(texts.decode(header.value));
  return { topic, partition, offset: Number(offset), message, fault, ...(origin && { origin }) };
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

const tallyOf = (fates: Taken["fates"]): ArrivalsTally => ({
  echoes: fates.filter(({ fate }) => fate.outcome === "ignored" && fate.reason === "echo").length,
  deadLetters: fates.filter(({ fate }) => fate.outcome === "dead_letter").length,
});

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
