// Tests beside the broker of the project, with topics and groups that no other test has.
import { readFileSync } from "node:fs";
import { inject, test } from "vitest";
import { type Kafka, kafkaClient } from "../../bridge/kafka/client.ts";

const broker = inject("broker");

/** Where there is no broker, the setup of the project has said what to install; with CI=true it has failed. */
// Without a broker nothing of it can be tested.
export const brokerTest = test.skipIf(broker === undefined);

export const brokers = (): string[] => (broker?.brokers ?? "").split(",");
export const secured = broker?.secured;

/** For the secured listeners. */
export const tlsOf = (of: typeof secured): { KAFKA_TLS_CA: string } => ({
  KAFKA_TLS_CA: of === undefined ? "" : readFileSync(of.certificates.ca, "utf8"),
});

/** Signed by nobody: the broker of the tests takes anybody's word for who they are. */
export const tokenOf = (principal: string): string => {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  return `${part({ alg: "none" })}.${part({ sub: principal, iat: now, exp: now + 600 })}.`;
};

/** Patient: a broker may be coming back. */
export const testKafka = (address = brokers().join()): Kafka =>
  kafkaClient({ brokers: address.split(",") }, () => {});

/** Of a producer: what it sends again is there once. */
export const ONCE = { idempotent: true, maxInFlightRequests: 1 } as const;

let counted = 0;
/** Letters, digits and dashes: a tenant may be called so. */
export const unique = (name: string): string =>
  `${name}-${process.pid}-${Date.now().toString(36)}-${counted++}`;
