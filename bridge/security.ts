/** How the bridge proves to the broker who it is, and how it knows the broker, from the settings. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { z } from "zod";
import type { KafkaSettings } from "./kafka/client.ts";
import type { Environment } from "./settings.ts";

const MECHANISMS = ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"] as const;

export const securitySchema = {
  KAFKA_TLS: z.enum(["true", "false"]).default("false"),
  /** PEM. */
  KAFKA_TLS_CA: z.string().optional(),
  KAFKA_TLS_CERTIFICATE: z.string().optional(),
  KAFKA_TLS_KEY: z.string().optional(),
  KAFKA_SASL_MECHANISM: z
    .string()
    .transform((text) => text.toLowerCase())
    .pipe(z.enum(MECHANISMS))
    .optional(),
  KAFKA_SASL_USERNAME: z.string().min(1).optional(),
  KAFKA_SASL_PASSWORD: z.string().min(1).optional(),
  KAFKA_SASL_TOKEN: z.string().min(1).optional(),
  KAFKA_SASL_PLAIN_WITHOUT_TLS: z.enum(["true", "false"]).default("false"),
};

const schema = z.object(securitySchema);
type Values = z.infer<typeof schema>;

const required = <K extends keyof Values>(values: Values, name: K, why: string): NonNullable<Values[K]> => {
  const value = values[name];
  if (value === undefined || value === null)
    throw new Error(`${name}: needed ${why}. Set it, or ${name}_FILE.`);
  return value as NonNullable<Values[K]>;
};

const tlsOf = (values: Values): ConnectionOptions | undefined => {
  const { KAFKA_TLS_CA: ca, KAFKA_TLS_CERTIFICATE: cert } = values;
  if (values.KAFKA_TLS !== "true" && ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined
      ? {}
      : { cert, key: required(values, "KAFKA_TLS_KEY", "with a client certificate") }),
  };
};

const saslOf = (values: Values, environment: Environment): KafkaSettings["sasl"] => {
  const mechanism = values.KAFKA_SASL_MECHANISM;
  if (mechanism === undefined) return undefined;
  const why = `for the SASL mechanism ${mechanism}`;
  if (mechanism === "oauthbearer") {
    const first = required(values, "KAFKA_SASL_TOKEN", why);
    const file = environment.KAFKA_SASL_TOKEN_FILE;
    // A token expires; whoever renews it writes the file anew.
    const oauthBearerProvider = async () => ({ value: file ? readFileSync(file, "utf8").trim() : first });
    return { mechanism, oauthBearerProvider };
  }
  const username = required(values, "KAFKA_SASL_USERNAME", why);
  const password = required(values, "KAFKA_SASL_PASSWORD", why);
  // One type for each mechanism.
  return { mechanism, username, password } as KafkaSettings["sasl"];
};

export const kafkaSecurity = (
  values: Values,
  environment: Environment,
): Pick<KafkaSettings, "ssl" | "sasl"> => {
  const ssl = tlsOf(values);
  const sasl = saslOf(values, environment);
  if (sasl?.mechanism === "plain" && ssl === undefined && values.KAFKA_SASL_PLAIN_WITHOUT_TLS === "false")
    throw new Error(
      "KAFKA_TLS: the SASL mechanism plain sends the password as it is. Set it to true, or KAFKA_SASL_PLAIN_WITHOUT_TLS to true.",
    );
  return { ...(ssl && { ssl }), ...(sasl && { sasl }) };
};
