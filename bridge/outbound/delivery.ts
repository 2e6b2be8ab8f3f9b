/**
 * Departures into Kafka: each batch one transaction with the progress that it reaches. What the broker refuses for
 * good is found by halves and passed over. After a refusal another producer goes on: kafkajs takes back the sequences of
 * the whole request that failed, of which the broker may have some, and would write under them again.
 */
import { topicOfWire } from "../../src/mirror/frame.ts";
import { deadLettersTopic, kafkaTopic, progressGroup, transactionalId } from "../../src/mirror/names.ts";
import { ORIGIN_HEADER, originHeader, type Stream } from "../../src/mirror/origin.ts";
import type { Topic } from "../../src/topics/topics.ts";
import type { Departure } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { crashPoint } from "../crash-points.ts";
import type { Kafka } from "../kafka/client.ts";
import { isRefusedForGood } from "../kafka/failure.ts";
import { writeByHalves } from "../kafka/halves.ts";
import type { Topics } from "../kafka/topics.ts";
import { type KafkaRecord, type ProgressAt, Writer } from "../kafka/writer.ts";
import { execIdOf } from "./exec-id.ts";

export interface Outgoing extends KafkaRecord {
  readonly offset: number;
  readonly of: Topic;
}

export interface Undelivered {
  readonly offset: number;
  readonly topic: Topic;
  readonly execId: string;
  readonly detail: string;
  readonly bytes: number;
}

export interface DeliveryPorts {
  readonly kafka: Kafka;
  readonly topics: Topics;
  /** Settles when what is passed over is kept elsewhere. */
  bury(undelivered: readonly Undelivered[]): Promise<void>;
  /** Whether the lease is this bridge's, as the tenant's object has it now. */
  holdsLease(): Promise<boolean>;
  committed(through: number, records: readonly Outgoing[]): void;
  aborted(): void;
}

export class Delivery {
  readonly #ports: DeliveryPorts;
  readonly #stream: Stream;
  readonly #at: Omit<ProgressAt, "next">;
  #writer: Writer;
  #written = 0;

  private constructor(ports: DeliveryPorts, stream: Stream, writer: Writer) {
    this.#ports = ports;
    this.#stream = stream;
    this.#writer = writer;
    this.#at = { group: progressGroup(stream), topic: deadLettersTopic(stream.tenant) };
  }

  /** Fences whoever had the stream before. */
  static async open(ports: DeliveryPorts, stream: Stream): Promise<Delivery> {
    return new Delivery(ports, stream, await Writer.open(ports.kafka, transactionalId(stream)));
  }

  /** The log offset that Kafka has, and all before it. */
  get written(): number {
    return this.#written;
  }

  get group(): string {
    return this.#at.group;
  }

  /** As Kafka has it; undefined where it has none. */
  async progress(): Promise<number | undefined> {
    const next = await this.#ports.topics.progress(this.#at);
    if (next !== undefined) this.#written = next - 1;
    return next === undefined ? undefined : next - 1;
  }

  /** Progress without records. */
  async note(through: number): Promise<void> {
    await this.#writer.write([], { ...this.#at, next: through + 1 });
    this.#written = through;
  }

  deliver(departures: readonly Departure[], through: number): Promise<void> {
    const records = (some: readonly Departure[]) => some.flatMap((each) => this.#recordsOf(each));
    return writeByHalves(
      departures,
      through,
      (some, upTo) => this.#commit(records(some), upTo),
      (one, upTo) => this.#deliverWhatFits(one, upTo),
    );
  }

  close(): Promise<void> {
    return this.#writer.close();
  }

  /** Each topic may have a bound of its own. */
  async #deliverWhatFits(departure: Departure, through: number): Promise<void> {
    const fitting: Outgoing[] = [];
    const undelivered: Undelivered[] = [];
    for (const record of this.#recordsOf(departure)) {
      const refused = await this.#attempt((writer) => writer.takes(record)).then(
        () => undefined,
        (error: Error) => error,
      );
      if (refused === undefined) fitting.push(record);
      else if (!isRefusedForGood(refused)) throw refused;
      else {
        const { offset, of: topic, value } = record;
        const execId = execIdOf(topic, value);
        undelivered.push({ offset, topic, execId, detail: refused.message, bytes: value.byteLength });
      }
    }
    // Before it is passed over in Kafka, so that a crash between the two does not lose it.
    if (undelivered.length > 0) await this.#ports.bury(undelivered);
    crashPoint("undelivered-buried");
    await this.#commit(fitting, through);
  }

  async #commit(records: readonly Outgoing[], through: number): Promise<void> {
    await this.#attempt((writer) => writer.write(records, { ...this.#at, next: through + 1 })).catch(
      (error) => {
        this.#ports.aborted();
        throw error;
      },
    );
    crashPoint("transaction-committed");
    this.#written = through;
    this.#ports.committed(through, records);
  }

  async #attempt<T>(act: (writer: Writer) => Promise<T>): Promise<T> {
    try {
      return await act(this.#writer);
    } catch (error) {
      if (isRefusedForGood(error)) await this.#openAnew();
      throw error;
    }
  }

  /** Fences again, so only whoever still has the lease may; and what another has written meanwhile must not come again. */
  async #openAnew(): Promise<void> {
    crashPoint("refused-for-size");
    const written = this.#written;
    await this.#writer.close();
    if (!(await this.#ports.holdsLease())) throw new Error("the lease is not this bridge's any more");
    this.#writer = await Writer.open(this.#ports.kafka, transactionalId(this.#stream));
    const found = (await this.progress()) ?? 0;
    if (found !== written) throw new Error(`Kafka has all up to ${found}, and this bridge wrote ${written}`);
  }

  #recordsOf({ topics, key, value, at, ...departure }: Departure): Outgoing[] {
    const offset = Number(departure.offset);
    return topics.flatMap((wire) => {
      const of = topicOfWire(wire);
      if (of === undefined) return [];
      const topic = kafkaTopic(of, this.#stream.tenant);
      const headers = { [ORIGIN_HEADER]: originHeader({ ...this.#stream, offset, topic: of }) };
      return [{ topic, of, key, value, headers, timestamp: Number(at), offset }];
    });
  }
}
