/** A tenant object as its tests use it: provisioned, with the graphs of a test, every option defaulted. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { JsonValue } from "@bufbuild/protobuf";
import { nodes } from "#nodes";
import type { LifetimeView, StartRequest, TenantRpc } from "../../../src/control-plane/tenant.ts";
import type { Executor } from "../../../src/executor/dispatch.ts";
import { parseGraph } from "../../../src/graph/parse.ts";
import type { Result } from "../../../src/result.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import { TOPICS, type Topic } from "../../../src/topics/topics.ts";
import { decode, decodeExecution } from "../../../src/wire/codec.ts";
import type { PlanExecution, TaskExecution } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { recordOf } from "../../../workers/control-plane/entry.ts";
import { entriesOf, type Row } from "../../../workers/control-plane/pack.ts";
import { type Ports, TenantObject } from "../../../workers/control-plane/tenant-object.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";

/** One plan and one task, which answers with the input of the lifetime. */
export const ECHO = `digraph echo {
  begin [type=plan kind=parallel]
  say [type=task kind=transform expression="input"]
  begin -> say
}`;

type Attributes = Readonly<Record<string, string | number>>;

const written = (attributes: Attributes): string =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}="${value}"`)
    .join("; ");

/** One plan and one task of a kind, with its attributes. */
export const withTask = (
  graph: string,
  kind: string,
  attributes: Attributes = {},
  ofGraph: Attributes = {},
): string =>
  `digraph ${graph} {
  ${written(ofGraph)}
  begin [type=plan kind=parallel]
  work [type=task kind=${kind}; ${written(attributes)}]
  begin -> work
}`;

let count = 0;

export const freshName = (prefix: string): string => `${prefix}-${Date.now()}-${count++}`;

/** What was answered; throws a refusal. */
export const answered = <T, E>(result: Result<T, E>): T => {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};

export const graphOf = (dot: string) => answered(parseGraph({ dot }, nodes));

const WAIT_MS = 20_000;

export type Client<Object extends TenantRpc = TenantRpc> = ReturnType<typeof clientOf<Object>>;

const clientOf = <Object extends TenantRpc>(object: Object, tenant: string) => {
  const request = (graph: string, input: JsonValue, more: Partial<StartRequest>): StartRequest => ({
    graph,
    lifetime: freshName("lifetime"),
    input: payloadOf(input).value,
    labels: {},
    waitMs: WAIT_MS,
    ...more,
  });
  return {
    tenant,
    object,
    register: async (dot: string, activate = true) =>
      answered(await object.registerGraph({ graph: graphOf(dot), activate })),
    /** As it is answered: when it has ended, where `waitMs` does not say otherwise. */
    tryStart: (graph: string, input: JsonValue = null, more: Partial<StartRequest> = {}) =>
      object.start(request(graph, input, more)),
    start: async (graph: string, input: JsonValue = null, more: Partial<StartRequest> = {}) =>
      answered(await object.start(request(graph, input, more))).lifetime,
    /** Without waiting for its end. */
    begin: async (graph: string, more: Partial<StartRequest> = {}) =>
      answered(await object.start(request(graph, null, { waitMs: 0, ...more }))).lifetime,
    end: async (lifetime: string): Promise<LifetimeView> =>
      answered(await object.getLifetime(lifetime, WAIT_MS)),
    view: async (lifetime: string): Promise<LifetimeView> => answered(await object.getLifetime(lifetime, 0)),
    /** All records of a topic, page by page. */
    read: async (topic: Topic, limit = 1_000) => {
      const records: { offset: number; key: string; value: Uint8Array }[] = [];
      for (let offset = 0; ; ) {
        const page = answered(await object.readTopic({ topic, offset, limit, waitMs: 0 }));
        if (page.records.length === 0) return records;
        records.push(...page.records);
        offset = page.nextOffset;
      }
    },
    /** The first record of a topic at or after an offset, when it is there. */
    next: async (topic: Topic, offset = 0) => {
      const page = answered(await object.readTopic({ topic, offset, limit: 1, waitMs: WAIT_MS }));
      const [record] = page.records;
      if (record === undefined) throw new Error(`${topic} has no record at or after ${offset}`);
      return record;
    },
    strays: async () => answered(await object.listStrays({ after: 0, limit: 1_000 })).items,
    deadLetters: async () => answered(await object.listDeadLetters({ after: 0, limit: 1_000 })).items,
    counters: async () => answered(await object.counters()),
  };
};

const setUp = async <Of extends Client>(client: Of, graphs: readonly string[]): Promise<Of> => {
  answered(await client.object.provision({ tenant: client.tenant, partition: 0 }));
  for (const dot of graphs) await client.register(dot);
  return client;
};

export const stubOf = (tenant: string) => env.TENANTS.getByName(`${tenant}/0`);

/** A tenant that is there already; with a stub that a restart has not broken. */
export const tenantOf = (tenant: string): Client => clientOf(stubOf(tenant) as unknown as TenantRpc, tenant);

/** A tenant as the gateway finds it. */
export const freshTenant = (...graphs: readonly string[]): Promise<Client> =>
  setUp(tenantOf(freshName("tenant")), graphs);

export interface Own extends Client<TenantObject> {
  readonly state: DurableObjectState;
  readonly ports: Ports;
  /** Another object on the same storage, as after a restart. */
  again(ports?: Partial<Ports>): Client<TenantObject>;
}

/** An object with ports of the test's own. Its alarm rings when the test calls it. */
export const inOwnTenant = (
  ports: Partial<Ports>,
  graphs: readonly string[],
  use: (own: Own) => Promise<void>,
): Promise<void> => {
  const tenant = freshName("own");
  return runInDurableObject(stubOf(tenant), async (_, state) => {
    const objectOf = (more: Partial<Ports>) => new TenantObject(state, env, { ...portsOf(state), ...more });
    const again = (more = ports) => clientOf(objectOf(more), tenant);
    const client = await setUp(again(), graphs);
    await use({ ...client, state, ports: portsOf(state), again });
  });
};

/** All that its log has. */
export const logOf = ({ state }: Own): LogRecord[] =>
  state.storage.sql.exec<Row>("SELECT * FROM log ORDER BY offset").toArray().flatMap(entriesOf).map(recordOf);

/** Takes inputs and never answers. */
export const silent: Executor = { run: () => new Promise(() => {}) };

const portsOf = (state: DurableObjectState): Ports => ({
  decide: nodes.decide,
  deployment: "escapement",
  secret: "secret",
  executors: { plan: state.exports.PlanInputs, task: state.exports.TaskInputs },
  projection: new Projection(env.DB),
  blobs: env.BLOBS,
  now: Date.now,
});

/** A clock that only the test moves; ahead of the platform's, so that none of its alarms rings by itself. */
export const clockAhead = () => {
  const clock = { at: Date.now() + 3_600_000, now: () => clock.at };
  return clock;
};

export const taskExecution = (bytes: Uint8Array) => answered(decodeExecution("task", bytes)) as TaskExecution;
export const planExecution = (bytes: Uint8Array) => answered(decodeExecution("plan", bytes)) as PlanExecution;

export const planInput = (bytes: Uint8Array) => answered(decode(TOPICS["plan-inputs"].message, bytes));
