/** What the bridge is told by its environment. Of each variable `X`, `X_FILE` may name a file with the value. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";
import { DEPLOYMENT_NAME } from "../src/mirror/origin.ts";
import { TENANT_ID } from "../src/topics/tenant.ts";
import type { KafkaSettings } from "./kafka/client.ts";
import type { TopicSettings } from "./kafka/topics.ts";
import { kafkaSecurity, securitySchema } from "./security.ts";

export interface Settings {
  readonly gateway: { readonly url: string; readonly key: string | undefined };
  readonly deployment: string;
  readonly bridgeId: string;
  /** All of the gateway's where absent. */
  readonly tenants: ReadonlySet<string> | undefined;
  readonly kafka: KafkaSettings;
  /** Whether topics are made where they are missing. */
  readonly provision: boolean;
  readonly topics: TopicSettings;
  /** What becomes of records of tenants that the gateway does not have; these wait so long where they are left. */
  readonly unknownTenants: { readonly act: "leave" | "dead-letter"; readonly holdMs: number };
  readonly leaseMs: number;
  readonly listen: { readonly host: string; readonly port: number; readonly scalerPort: number };
}

export type Environment = Readonly<Record<string, string | undefined>>;

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[?::1\]?)$/;

const list = z.string().transform((text) =>
  text
    .split(",")
    .map((each) => each.trim())
    .filter(Boolean),
);
const flag = z.enum(["true", "false"]).transform((text) => text === "true");
const port = z.coerce.number().int().min(0).max(65_535);

/** As long as Kafka keeps records by default. */
const HOLD_MS = 7 * 24 * 3_600_000;

const schema = z.object({
  ESCAPEMENT_URL: z.url({ protocol: /^https?$/ }).default("http://127.0.0.1:8787"),
  ESCAPEMENT_KEY: z.string().min(1).optional(),
  ESCAPEMENT_KEY_WITHOUT_TLS: flag.default(false),
  ESCAPEMENT_DEPLOYMENT: z.string().regex(DEPLOYMENT_NAME).default("escapement"),
  BRIDGE_ID: z
    .string()
    .regex(/^[\w.-]{1,100}$/)
    .optional(),
  BRIDGE_TENANTS: list.pipe(z.array(z.string().regex(TENANT_ID)).min(1)).optional(),
  BRIDGE_UNKNOWN_TENANTS: z.enum(["leave", "dead-letter"]).default("leave"),
  BRIDGE_UNKNOWN_TENANT_HOLD_MS: z.coerce.number().int().min(0).default(HOLD_MS),
  BRIDGE_LEASE_MS: z.coerce.number().int().min(3_000).max(60_000).default(8_000),
  BRIDGE_HOST: z.string().default("127.0.0.1"),
  BRIDGE_PORT: port.default(8788),
  BRIDGE_SCALER_PORT: port.default(8789),
  BRIDGE_PROVISION: flag.default(true),
  BRIDGE_TOPIC_PARTITIONS: z.coerce.number().int().min(1).max(10_000).default(4),
  BRIDGE_TOPIC_REPLICATION: z.coerce.number().int().min(-1).max(100).default(-1),
  BRIDGE_TOPIC_CONFIG: z
    .string()
    .default("{}")
    .transform((text, ctx) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        ctx.addIssue({ code: "custom", message: 'has to be JSON, say {"retention.ms": "604800000"}' });
        return z.NEVER;
      }
    })
    .pipe(z.record(z.string(), z.string())),
  KAFKA_BROKERS: list.pipe(z.array(z.string().regex(/^.+:\d+$/, "has to be host:port")).min(1)),
  ...securitySchema,
});

/** As zod says it. */
const UNSET = /^Invalid input: .* received undefined$/;

/** With the values of files in place of their names. */
const withFiles = (environment: Environment): Record<string, string> => {
  const values: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const file = environment[`${name}_FILE`];
    const value = environment[name] || (file ? readFileSync(file, "utf8").trim() : "");
    if (value !== "") values[name] = value;
  }
  return values;
};

const checkKey = (values: z.infer<typeof schema>): void => {
  const { hostname: host, protocol } = new URL(values.ESCAPEMENT_URL);
  if (LOOPBACK.test(host)) return;
  if (values.ESCAPEMENT_KEY === undefined)
    throw new Error(
      `ESCAPEMENT_KEY: needed for ${host}, which is not this machine. Make a key with the role "bridge" there.`,
    );
  if (protocol === "http:" && !values.ESCAPEMENT_KEY_WITHOUT_TLS)
    throw new Error(
      `ESCAPEMENT_URL: over http the key goes to ${host} as it is. Use https, or set ESCAPEMENT_KEY_WITHOUT_TLS to true.`,
    );
};

/** Throws what is wrong, and how to mend it. */
export const readSettings = (environment: Environment): Settings => {
  const parsed = schema.safeParse(withFiles(environment));
  if (!parsed.success)
    throw new Error(
      parsed.error.issues
        .map(({ path, message }) => `${path.join(".")}: ${message.replace(UNSET, "has to be set")}`)
        .join("\n"),
    );
  const values = parsed.data;
  checkKey(values);
  return {
    gateway: { url: values.ESCAPEMENT_URL.replace(/\/+$/, ""), key: values.ESCAPEMENT_KEY },
    deployment: values.ESCAPEMENT_DEPLOYMENT,
    bridgeId: values.BRIDGE_ID ?? `${hostname().slice(0, 50)}-${randomBytes(4).toString("hex")}`,
    tenants: values.BRIDGE_TENANTS && new Set(values.BRIDGE_TENANTS),
    kafka: { brokers: values.KAFKA_BROKERS, ...kafkaSecurity(values, environment) },
    provision: values.BRIDGE_PROVISION,
    topics: {
      partitions: values.BRIDGE_TOPIC_PARTITIONS,
      replication: values.BRIDGE_TOPIC_REPLICATION,
      config: values.BRIDGE_TOPIC_CONFIG,
    },
    unknownTenants: {
      act: values.BRIDGE_UNKNOWN_TENANTS,
      holdMs: values.BRIDGE_UNKNOWN_TENANT_HOLD_MS,
    },
    leaseMs: values.BRIDGE_LEASE_MS,
    listen: { host: values.BRIDGE_HOST, port: values.BRIDGE_PORT, scalerPort: values.BRIDGE_SCALER_PORT },
  };
};
