// Without this, a broker that asks who comes could not be used, or be anybody.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { kafkaClient } from "../../bridge/kafka/client.ts";
import { SASL_USER } from "../../bridge/local/broker.ts";
import { readSettings } from "../../bridge/settings.ts";
import { secured, tlsOf, tokenOf } from "./broker-test.ts";

// A broker that was named, or runs in Docker, has no listeners with the certificates of these tests.
const securedTest = test.skipIf(secured === undefined);

const pem = (path: string | undefined) => (path === undefined ? "" : readFileSync(path, "utf8"));
const TLS = () => tlsOf(secured);
const USER = { KAFKA_SASL_USERNAME: SASL_USER.username, KAFKA_SASL_PASSWORD: SASL_USER.password };

const listed = async (environment: Record<string, string>): Promise<readonly string[]> => {
  const { kafka } = readSettings(environment);
  const admin = kafkaClient({ ...kafka, retry: { retries: 0 } }, () => {}).admin();
  try {
    await admin.connect();
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
};

const WAYS = {
  plain: () => ({ KAFKA_SASL_MECHANISM: "plain", ...USER }),
  "scram-sha-256": () => ({ KAFKA_SASL_MECHANISM: "scram-sha-256", ...USER }),
  "scram-sha-512": () => ({ KAFKA_SASL_MECHANISM: "scram-sha-512", ...USER }),
  oauthbearer: () => ({ KAFKA_SASL_MECHANISM: "oauthbearer", KAFKA_SASL_TOKEN: tokenOf(SASL_USER.username) }),
};

for (const [name, way] of Object.entries(WAYS))
  securedTest(`SASL ${name} over TLS is let in`, async () => {
    await expect(listed({ KAFKA_BROKERS: secured?.sasl ?? "", ...TLS(), ...way() })).resolves.toBeInstanceOf(
      Array,
    );
  });

securedTest("a client certificate over TLS is let in, and none is not", async () => {
  const at = { KAFKA_BROKERS: secured?.tls ?? "", ...TLS() };
  const { clientCertificate, clientKey } = secured?.certificates ?? {};
  const certificate = { KAFKA_TLS_CERTIFICATE: pem(clientCertificate), KAFKA_TLS_KEY: pem(clientKey) };
  await expect(listed({ ...at, ...certificate })).resolves.toBeInstanceOf(Array);
  await expect(listed(at)).rejects.toThrow();
});

securedTest("a wrong password, and a broker that nobody has vouched for, are refused", async () => {
  const at = { KAFKA_BROKERS: secured?.sasl ?? "", KAFKA_SASL_MECHANISM: "scram-sha-256", ...USER };
  await expect(listed({ ...at, ...TLS(), KAFKA_SASL_PASSWORD: "wrong" })).rejects.toThrow(/authentication/i);
  await expect(listed({ ...at, KAFKA_TLS: "true" })).rejects.toThrow(/certificate/i);
});
