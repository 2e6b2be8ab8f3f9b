// Tests beside the broker of the project, with topics and groups that no other test has.
import { inject, test } from "vitest";
import { type Kafka, kafkaClient } from "../../bridge/kafka/client.ts";

const broker = inject("broker");

/** Where there is no broker, the setup of the project has said what to install; with CI=true it has failed. */
// Without a broker nothing of it can be tested.
export const brokerTest = test.skipIf(broker === undefined);

export const brokers = (): string[] => (broker?.brokers ?? "").split(",");
export const secured = broker?.secured;

/** Patient: a broker may be coming back. */
export const testKafka = (address = brokers().join()): Kafka =>
  kafkaClient({ brokers: address.split(",") }, () => {});

let counted = 0;
/** Letters, digits and dashes: a tenant may be called so. */
export const unique = (name: string): string =>
  `${name}-${process.pid}-${Date.now().toString(36)}-${counted++}`;
