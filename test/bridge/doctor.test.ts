// Without this, whoever sets the bridge up would be told nothing, or something wrong, of what is missing.
import kafkajs from "kafkajs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { doctor } from "../../bridge/doctor/doctor.ts";
import type { Finding } from "../../bridge/doctor/finding.ts";
import { releaseOf } from "../../bridge/kafka/api-versions.ts";
import { Topics } from "../../bridge/kafka/topics.ts";
import type { Environment } from "../../bridge/settings.ts";
import { topicsOf } from "../../src/mirror/names.ts";
import { askOf } from "../local/ask.ts";
import { brokers, brokerTest, secured, testKafka, tlsOf, tokenOf, unique } from "./broker-test.ts";
import { type Runtime, startBridge, startRuntime } from "./lab.ts";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await startRuntime();
}, 120_000);
afterAll(() => runtime?.[Symbol.asyncDispose]());

const placed = async (): Promise<string> => {
  const tenant = unique("doctor");
  await askOf(runtime.local, tenant)("PUT", "", {});
  return tenant;
};

const environmentOf = (tenant: string, environment: Environment): Environment => ({
  ESCAPEMENT_URL: runtime.local.url,
  ESCAPEMENT_KEY: "bridge-key",
  KAFKA_BROKERS: brokers().join(),
  BRIDGE_TENANTS: tenant,
  ...environment,
});

interface Examined {
  readonly well: boolean;
  readonly findings: readonly Finding[];
}

const examined = async (tenant: string, environment: Environment = {}): Promise<Examined> => {
  const said: string[] = [];
  const well = await doctor(environmentOf(tenant, environment), (text) => said.push(text), { json: true });
  const report = JSON.parse(said.join("\n")) as Examined;
  expect(report.well).toBe(well);
  return report;
};

const finding = (level: Finding["level"], about: string, found: RegExp, todo?: RegExp) =>
  expect.objectContaining({
    level,
    about,
    found: expect.stringMatching(found),
    ...(todo && { todo: expect.stringMatching(todo) }),
  });

brokerTest("the doctor finds all well where a bridge runs, and leaves no trace", async () => {
  const tenant = await placed();
  await using bridge = await startBridge(runtime, tenant, { KAFKA_BROKERS: brokers().join() });
  await expect.poll(() => bridge.said("mirror_resumed").length).toBeGreaterThan(0);
  await expect.poll(() => bridge.said("partitions_assigned").length).toBeGreaterThan(0);
  const before = bridge.said("partitions_assigned").length;
  const { well, findings } = await examined(tenant);
  expect(findings.filter(({ level }) => level !== "ok")).toEqual([]);
  expect(well).toBe(true);
  for (const [about, found] of [
    ["version", /Kafka 4\.1 or newer/],
    ["topics", /has all seven/],
    ["writes", /with 7 topics/],
    ["reads", /with 7 topics/],
    ["groups", /escapement-bridge/],
    ["create", /as they are set/],
    ["deployment", /^escapement;/],
  ] as const)
    expect(findings).toContainEqual(finding("ok", about, found));
  // It joined no group of the bridge's, and no reader sees a record of it.
  expect(bridge.said("partitions_assigned")).toHaveLength(before);
  expect(bridge.said("mirror_failed")).toEqual([]);
});

brokerTest(
  "what the doctor says on a terminal has what was found, why it matters and what to do",
  async () => {
    const said: string[] = [];
    const tenant = await placed();
    const environment = environmentOf(tenant, { BRIDGE_PROVISION: "false" });
    expect(await doctor(environment, (text) => said.push(text))).toBe(false);
    expect(said.join("\n")).toMatch(
      /FAIL {2}topics +\S+: .* and 4 more missing\n +why: .+\n +do: {2}Make them/,
    );
    expect(said.at(-1)).toMatch(/^\n1 thing fails, 0 warnings, \d+ well$/);
  },
);

const TOKEN = (principal: string): Environment => ({
  KAFKA_BROKERS: secured?.sasl,
  ...tlsOf(secured),
  KAFKA_SASL_MECHANISM: "oauthbearer",
  KAFKA_SASL_TOKEN: tokenOf(principal),
});

const FAULTS: readonly [string, Environment, ReturnType<typeof finding>][] = [
  [
    "settings that are missing",
    { KAFKA_BROKERS: "" },
    finding("fail", "settings", /^KAFKA_BROKERS: has to be set$/),
  ],
  ["settings that cannot be", { BRIDGE_PORT: "http" }, finding("fail", "settings", /BRIDGE_PORT/, /docs/)],
  [
    "no gateway",
    { ESCAPEMENT_URL: "http://127.0.0.1:1" },
    finding("fail", "gateway", /fetch failed/, /ESCAPEMENT_URL/),
  ],
  [
    "a key that is none",
    { ESCAPEMENT_KEY: "wrong" },
    finding("fail", "credential", /401/, /ESCAPEMENT_KEYS/),
  ],
  [
    "a key without the role",
    { ESCAPEMENT_KEY: "operator-key" },
    finding("fail", "credential", /403.*lacks the role bridge/, /role "bridge"/),
  ],
  [
    "a key for one tenant",
    { ESCAPEMENT_KEY: "bound-key" },
    finding("fail", "credential", /403.*limited to tenants/, /no tenants/),
  ],
  [
    "a tenant that nobody made",
    { BRIDGE_TENANTS: "nobody" },
    finding("warn", "tenants", /nobody/, /Make them/),
  ],
  [
    "another deployment",
    { ESCAPEMENT_DEPLOYMENT: "other" },
    finding("fail", "deployment", /escapement, not other/, /ESCAPEMENT_DEPLOYMENT/),
  ],
  ["no broker", { KAFKA_BROKERS: "127.0.0.1:1" }, finding("fail", "broker", /ECONNREFUSED/, /KAFKA_BROKERS/)],
  [
    "one broker of two",
    { KAFKA_BROKERS: `${brokers()[0]},127.0.0.1:1` },
    finding("fail", "broker", /127.0.0.1:1: .*ECONNREFUSED/, /KAFKA_BROKERS/),
  ],
  [
    "topics that nobody makes",
    { BRIDGE_PROVISION: "false" },
    finding("fail", "topics", /missing/, /BRIDGE_PROVISION/),
  ],
  [
    "topics that cannot be made as they are set",
    { BRIDGE_TOPIC_REPLICATION: "3" },
    finding("fail", "create", /replication/i, /BRIDGE_TOPIC_REPLICATION/),
  ],
];

const SECURED_FAULTS: typeof FAULTS = [
  ["TLS that is not set", { KAFKA_BROKERS: secured?.sasl }, finding("fail", "broker", /answer/, /KAFKA_TLS/)],
  [
    "a broker that nobody vouches for",
    { KAFKA_BROKERS: secured?.sasl, KAFKA_TLS: "true" },
    finding("fail", "broker", /certificate/),
  ],
  [
    "a wrong password",
    {
      ...TOKEN(""),
      KAFKA_SASL_MECHANISM: "scram-sha-256",
      KAFKA_SASL_USERNAME: "bridge",
      KAFKA_SASL_PASSWORD: "wrong",
    },
    finding("fail", "login", /authentication/i, /KAFKA_SASL/),
  ],
];

// A broker that was named, or runs in Docker, has no listeners with the certificates of these tests.
const securedTest = test.skipIf(secured === undefined);

for (const [what, environment, expected] of [...FAULTS, ...SECURED_FAULTS])
  (SECURED_FAULTS.some(([name]) => name === what) ? securedTest : brokerTest)(
    `the doctor says what to do about ${what}`,
    async () => {
      const { well, findings } = await examined(await placed(), environment);
      expect(findings).toContainEqual(expected);
      expect(well).toBe(findings.every(({ level }) => level !== "fail"));
    },
  );

brokerTest("the doctor says which topics are set so that records are lost or refused", async () => {
  const tenant = await placed();
  const topics = new Topics(testKafka());
  await topics.connect();
  const config = {
    "cleanup.policy": "compact",
    "retention.ms": "60000",
    "max.message.bytes": "100000",
    "min.insync.replicas": "2",
    "unclean.leader.election.enable": "true",
  };
  await topics.provision(topicsOf(tenant), { partitions: 3, replication: 1, config });
  await topics.close();
  const { findings } = await examined(tenant);
  const said = findings.flatMap((each) => (each.level === "ok" ? [] : [`${each.level} ${each.found}`]));
  const six = new RegExp(`^(warn|fail) plan-inputs-${tenant}, .* and 3 more: `);
  expect(said.map((each) => each.replace(six, "$1 ")).sort()).toEqual([
    "fail cleanup.policy is compact",
    "fail min.insync.replicas is 2, with 1 replicas",
    "warn 3 partitions, and 4 are set",
    "warn max.message.bytes is 100000",
    "warn retention.ms is 60000",
    "warn unclean.leader.election.enable is true",
  ]);
});

const {
  AclOperationTypes: OPERATION,
  AclPermissionTypes: PERMISSION,
  AclResourceTypes: RESOURCE,
  ResourcePatternTypes: PATTERN,
} = kafkajs;

/** As docs/bridge.md lists them; reading and writing a topic or a group is describing it as well. */
const rightsOf = (tenant: string) => {
  const prefixed = { resourcePatternType: PATTERN.PREFIXED };
  const group = { ...prefixed, resourceType: RESOURCE.GROUP, operation: OPERATION.READ };
  const topics = (operation: number) =>
    topicsOf(tenant).map((resourceName) => ({
      resourceType: RESOURCE.TOPIC,
      resourcePatternType: PATTERN.LITERAL,
      resourceName,
      operation,
    }));
  return {
    "read topics": topics(OPERATION.READ),
    "write the others": topics(OPERATION.WRITE).slice(1),
    "write the first": topics(OPERATION.WRITE).slice(0, 1),
    "create topics": topics(OPERATION.CREATE),
    "read groups of bridges": [{ ...group, resourceName: "escapement-bridge." }],
    "read groups of progress": [{ ...group, resourceName: "escapement-progress." }],
    "read groups of ranges": [{ ...group, resourceName: "escapement-ranges-" }],
    "write transactional ids": [
      {
        ...prefixed,
        resourceType: RESOURCE.TRANSACTIONAL_ID,
        resourceName: "escapement.",
        operation: OPERATION.WRITE,
      },
    ],
  };
};
type Right = keyof ReturnType<typeof rightsOf>;

/** A tenant with its topics, and somebody who may do all but one thing. */
const allowed = async (without?: Right) => {
  const tenant = await placed();
  const principal = unique("principal");
  const kafka = testKafka();
  const topics = new Topics(kafka);
  await topics.connect();
  await topics.provision(topicsOf(tenant), { partitions: 4, replication: 1, config: {} });
  await topics.close();
  const admin = kafka.admin();
  await admin.connect();
  const given = Object.entries(rightsOf(tenant)).flatMap(([right, acls]) => (right === without ? [] : acls));
  const to = { principal: `User:${principal}`, host: "*", permissionType: PERMISSION.ALLOW };
  await admin.createAcls({ acl: given.map((acl) => ({ ...acl, ...to })) });
  // A broker knows of them a moment later than the controller.
  const known = async () => {
    const any = { resourceType: RESOURCE.ANY, resourcePatternType: PATTERN.ANY, operation: OPERATION.ANY };
    const { resources } = await admin.describeAcls({ ...any, ...to, permissionType: PERMISSION.ANY });
    return resources.flatMap(({ acls }) => acls).length;
  };
  await expect.poll(known).toBe(given.length);
  await admin.disconnect();
  return { tenant, environment: TOKEN(principal) };
};

securedTest("whoever may do what the documents list has a bridge that works", async () => {
  const { tenant, environment } = await allowed();
  const { well, findings } = await examined(tenant, environment);
  expect(findings.filter(({ level }) => level === "fail")).toEqual([]);
  expect(well).toBe(true);
  // That is a right which only the doctor would use.
  expect(findings).toContainEqual(finding("warn", "topics", /may not be looked at/, /describe configs/));
  await using bridge = await startBridge(runtime, tenant, environment as Record<string, string>);
  await expect.poll(() => bridge.said("mirror_resumed").length).toBeGreaterThan(0);
  await expect.poll(() => bridge.said("partitions_assigned").length).toBeGreaterThan(0);
});

const DENIED: Readonly<Record<Right, ReturnType<typeof finding>>> = {
  "read topics": finding("fail", "reads", /and 4 more: .*authoriz/i, /read these topics/),
  "write the first": finding("fail", "writes", /^plan-inputs-\S+: .*authoriz/i, /write these topics/),
  "write the others": finding("fail", "writes", /and 3 more: .*authoriz/i, /write these topics/),
  "create topics": finding("fail", "create", /authoriz/i, /create topics/),
  "read groups of bridges": finding("fail", "groups", /escapement-bridge/i, /escapement-bridge\./),
  "read groups of progress": finding("fail", "reads", /authoriz/i, /escapement-progress\./),
  "read groups of ranges": finding("fail", "groups", /escapement-ranges/i, /escapement-ranges-/),
  "write transactional ids": finding("fail", "writes", /no transaction /i, /escapement\./),
};

for (const [right, expected] of Object.entries(DENIED))
  securedTest(`the doctor notices that a principal may not ${right}, and says what to allow`, async () => {
    const { tenant, environment } = await allowed(right as Right);
    const { well, findings } = await examined(tenant, environment);
    expect(findings.filter(({ level }) => level === "fail")).toEqual([expected]);
    expect(well).toBe(false);
  });

test("a release is known by what its brokers take, and 4.0 is the first that is enough", () => {
  const PRODUCE = 0;
  const known = (produceMax: number) => releaseOf(new Map([[PRODUCE, produceMax]]));
  expect([8, 9, 10, 11, 12, 13, 14].map(known)).toEqual([
    { name: "older than 3.7", isEnough: false },
    { name: "older than 3.7", isEnough: false },
    { name: "3.7", isEnough: false },
    { name: "3.8 or 3.9", isEnough: false },
    { name: "4.0", isEnough: true },
    { name: "4.1 or newer", isEnough: true },
    { name: "4.1 or newer", isEnough: true },
  ]);
});
