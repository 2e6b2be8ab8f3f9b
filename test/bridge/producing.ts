// A producer in Kafka that starts lifetimes of the graph of load.ts, until it is told to stop.
import { create, toBinary } from "@bufbuild/protobuf";
import type { Kafka } from "../../bridge/kafka/client.ts";
import { kafkaTopic } from "../../src/mirror/names.ts";
import { PlanInputSchema } from "../../src/wire/gen/escapement/v1/input_pb.ts";

export const KEYS = 5;

const messageOf = (n: number) => {
  const [key, lifetimeId] = [`key-${n % KEYS}`, `key-${n % KEYS}-${Math.floor(n / KEYS)}`];
  const input = create(PlanInputSchema, { planName: "first", graphId: "chain", lifetimeId });
  return { key, value: Buffer.from(toBinary(PlanInputSchema, input)) };
};

/** One after the other for each key. */
export const startProducing = async (kafka: Kafka, tenant: string) => {
  // What is there twice does nothing the second time.
  const producer = kafka.producer({ maxInFlightRequests: 1 });
  await producer.connect();
  let count = 0;
  let stopped = false;
  const topic = kafkaTopic("plan-inputs", tenant);
  const pause = () => new Promise((resolve) => setTimeout(resolve, 20));
  /** A broker that is being killed answers nobody. */
  const send = async (messages: readonly ReturnType<typeof messageOf>[]): Promise<void> => {
    await producer.send({ topic, messages: [...messages] }).catch(() => pause().then(() => send(messages)));
  };
  const producing = (async () => {
    while (!stopped) {
      await send(Array.from({ length: KEYS }, (_, n) => messageOf(count + n)));
      count += KEYS;
      await pause();
    }
  })();
  const stop = async () => {
    stopped = true;
    await producing;
    await producer.disconnect();
  };
  /** Settles when there are so many more. */
  const more = async (add: number) => {
    for (const end = count + add; count < end; ) await pause();
  };
  return { count: () => count, more, stop };
};
