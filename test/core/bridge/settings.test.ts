// Without this, a bridge could start with half of its settings, or send a password for everybody to read.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Environment, readSettings } from "../../../bridge/settings.ts";

const LEAST = { KAFKA_BROKERS: "127.0.0.1:9092" };
const USER = { KAFKA_SASL_USERNAME: "u", KAFKA_SASL_PASSWORD: "p" };

test("the least that is needed are the brokers, where the gateway is on this machine", () => {
  expect(readSettings(LEAST)).toMatchObject({
    gateway: { url: "http://127.0.0.1:8787", key: undefined },
    deployment: "escapement",
    kafka: { brokers: ["127.0.0.1:9092"] },
    tenants: undefined,
  });
});

const FAULTS: readonly [string, Environment, RegExp][] = [
  ["no brokers", {}, /KAFKA_BROKERS/],
  ["a broker without a port", { KAFKA_BROKERS: "kafka" }, /host:port/],
  [
    "a gateway elsewhere without a key",
    { ...LEAST, ESCAPEMENT_URL: "https://edge.example" },
    /ESCAPEMENT_KEY/,
  ],
  ["an unknown mechanism", { ...LEAST, KAFKA_SASL_MECHANISM: "gssapi" }, /KAFKA_SASL_MECHANISM/],
  [
    "a mechanism without its user",
    { ...LEAST, KAFKA_SASL_MECHANISM: "scram-sha-512" },
    /KAFKA_SASL_USERNAME/,
  ],
  ["a mechanism without its token", { ...LEAST, KAFKA_SASL_MECHANISM: "oauthbearer" }, /KAFKA_SASL_TOKEN/],
  ["a password in plain text", { ...LEAST, ...USER, KAFKA_SASL_MECHANISM: "PLAIN" }, /KAFKA_TLS/],
  [
    "a password in plain text, allowed by a word that is none",
    { ...LEAST, ...USER, KAFKA_SASL_MECHANISM: "PLAIN", KAFKA_SASL_PLAIN_WITHOUT_TLS: "yes" },
    /KAFKA_SASL_PLAIN_WITHOUT_TLS/,
  ],
  [
    "a key in plain text",
    { ...LEAST, ESCAPEMENT_URL: "http://edge.example", ESCAPEMENT_KEY: "secret" },
    /https.*ESCAPEMENT_KEY_WITHOUT_TLS/,
  ],
  ["a certificate without its key", { ...LEAST, KAFKA_TLS_CERTIFICATE: "pem" }, /KAFKA_TLS_KEY/],
  ["a configuration of topics that is no JSON", { ...LEAST, BRIDGE_TOPIC_CONFIG: "x=1" }, /has to be JSON/],
  ["a tenant that cannot be one", { ...LEAST, BRIDGE_TENANTS: "a,b c" }, /BRIDGE_TENANTS/],
];

test.for(FAULTS)("%s is refused with what to set", ([, environment, message]) => {
  expect(() => readSettings(environment)).toThrow(message);
});

test("what goes over a network of one's own may go in plain text, where that is said", () => {
  const environment = {
    ...LEAST,
    ...USER,
    ESCAPEMENT_URL: "http://edge.internal",
    ESCAPEMENT_KEY: "secret",
    ESCAPEMENT_KEY_WITHOUT_TLS: "true",
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_PLAIN_WITHOUT_TLS: "true",
  };
  expect(readSettings(environment)).toMatchObject({
    gateway: { key: "secret" },
    kafka: { sasl: { mechanism: "plain" } },
  });
});

test("credentials come from the environment or from files", async () => {
  const folder = mkdtempSync(join(tmpdir(), "escapement-test-"));
  try {
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), `${text}\n`);
      return join(folder, name);
    };
    const environment = {
      ...LEAST,
      ESCAPEMENT_URL: "https://edge.example/",
      ESCAPEMENT_KEY_FILE: file("key", "secret"),
      KAFKA_TLS_CA_FILE: file("ca", "ca pem"),
      KAFKA_TLS_CERTIFICATE_FILE: file("certificate", "certificate pem"),
      KAFKA_TLS_KEY_FILE: file("tls-key", "key pem"),
    };
    const scram = { KAFKA_SASL_MECHANISM: "SCRAM-SHA-512", ...USER };
    expect(readSettings({ ...environment, ...scram })).toMatchObject({
      gateway: { url: "https://edge.example", key: "secret" },
      kafka: {
        ssl: { ca: "ca pem", cert: "certificate pem", key: "key pem" },
        sasl: { mechanism: "scram-sha-512", username: "u", password: "p" },
      },
    });
    const token = file("token", "first");
    const { kafka } = readSettings({
      ...LEAST,
      KAFKA_SASL_MECHANISM: "oauthbearer",
      KAFKA_SASL_TOKEN_FILE: token,
    });
    file("token", "renewed");
    const { sasl } = kafka as { sasl: { oauthBearerProvider: () => Promise<{ value: string }> } };
    expect(await sasl.oauthBearerProvider()).toEqual({ value: "renewed" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
