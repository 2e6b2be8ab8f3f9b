// Without this a large result could be lost, be read by the wrong node, or fill the memory of whoever passes it on.
import { env } from "cloudflare:workers";
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { nodes } from "#nodes";
import { INPUT_BYTES_MAX, RESULT_BYTES_MAX } from "../../../src/limits.ts";
import { encode } from "../../../src/wire/codec.ts";
import { errorCode, NEVER_RETRIED } from "../../../src/wire/error-message.ts";
import { StoredDataSchema } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { Batch } from "../../../workers/executor/batch.ts";
import { Payloads } from "../../../workers/executor/payloads.ts";
import { Room } from "../../../workers/executor/room.ts";
import { specOf, taskInput, textsOf } from "../../core/executor/inputs.ts";
import { sumOf } from "../../fixtures/payloads.ts";
import { type Client, freshTenant, planInput, taskExecution } from "../control-plane/client.ts";

const MIB = 1024 * 1024;

/** begin → write → hand_on → read; what is written, and how it is read. */
const passing = (write: string, bytes: number, read: string) => `digraph passing {
  begin [type=plan kind=parallel]
  write [type=task kind=${write} bytes=${bytes}]
  hand_on [type=plan kind=parallel]
  read [type=task kind=${read}]
  begin -> write -> hand_on -> read
}`;

const blobsOf = async ({ tenant }: Client) => (await env.BLOBS.list({ prefix: `${tenant}/` })).objects;

const output = (client: Client, lifetime: string) =>
  client.end(lifetime).then(({ outcomes, reason }) => {
    const [outcome] = outcomes ?? [];
    return outcome ? readResult(taskExecution(outcome.message).result) : reason;
  });

describe("a result over the inline bound", () => {
  it("goes to a blob and reaches the next node as if it had not", async () => {
    const client = await freshTenant(passing("write_json", 3 * MIB, "length"));
    const { lifetime } = await client.begin("passing");
    expect(await output(client, lifetime)).toBe(3 * MIB + 2);
    const [blob, ...others] = await blobsOf(client);
    expect(others).toEqual([]);
    expect(blob).toMatchObject({ size: 3 * MIB + 2 });
    expect(blob?.key).toMatch(new RegExp(`^${client.tenant}/1/${lifetime}/[0-9a-f-]{36}\\.[0-9a-f]{8}$`));
    const [written] = await client.read("task-executions");
    expect(taskExecution(written!.value).result?.data).toMatchObject({
      case: "externalData",
      value: {
        uri: `/v1/tenants/${client.tenant}/blobs/${blob?.key.slice(client.tenant.length + 1)}`,
        metadata: { content_type: "application/json", bytes: String(3 * MIB + 2) },
      },
    });
  });

  it.each(["write_bytes", "write_stream"])(
    "may be bytes, read by the next node as they come (%s)",
    async (kind) => {
      const bytes = 12 * MIB + 17;
      const client = await freshTenant(passing(kind, bytes, "read_bytes"));
      const { lifetime } = await client.begin("passing");
      expect(await output(client, lifetime)).toEqual(sumOf(bytes));
    },
  );

  it.each<[string, number, string, RegExp]>([
    [
      "write_stream",
      RESULT_BYTES_MAX + 1,
      "length",
      /^write: result_too_large: the result has more than 67108864 bytes/,
    ],
    ["write_half", 0, "length", /^write: error: the source dried up/],
    [
      "write_bytes",
      10,
      "length",
      /^read: invalid_input: a result is video\/x-test, 10 bytes of it, and no JSON/,
    ],
  ])(
    "of %s (%i bytes) for %s fails clearly, and leaves nothing behind that is not whole",
    async (...given) => {
      const [kind, bytes, read, message] = given;
      const client = await freshTenant(passing(kind, bytes, read));
      const { lifetime } = await client.begin("passing");
      expect(await output(client, lifetime)).toMatchObject({
        code: "node_failed",
        detail: expect.stringMatching(message),
      });
      expect(await blobsOf(client)).toHaveLength(kind === "write_bytes" ? 1 : 0);
    },
  );
});

describe("results that are too large together", () => {
  const TASKS = 1_000;
  const names = Array.from({ length: TASKS }, (_, n) => `w${n}`);
  const joined = (join: string, tail: string) => `digraph joined {
    begin [type=plan kind=parallel]
    subgraph { node [type=task kind=write_json bytes=102400] ${names.join(" ")} }
    begin -> {${names.join(" ")}} -> join
    join [type=plan kind=${join}]
    read [type=task ${tail}]
    join -> read
  }`;

  it("are referred to in the input of their plan, which reads what it wants of them", async () => {
    const client = await freshTenant(joined("look_at_last", 'kind=transform expression="input"'));
    const { lifetime } = await client.begin("joined");
    await client.end(lifetime);
    expect(await output(client, lifetime)).toEqual({ results: TASKS, length: 102_400, same: true });
    const input = (await client.read("plan-inputs")).at(-1)!;
    expect(input.value.byteLength).toBeLessThanOrEqual(INPUT_BYTES_MAX);
    const { taskExecutions } = planInput(input.value) as unknown as { taskExecutions: readonly unknown[] };
    expect(taskExecutions).toHaveLength(TASKS);
    // They lie in the log already.
    expect(await blobsOf(client)).toEqual([]);
  }, 60_000);

  it("are handed on by reference, and are too much for a node that reads them as values", async () => {
    const client = await freshTenant(joined("parallel", "kind=length"));
    const { lifetime } = await client.begin("joined");
    expect(await output(client, lifetime)).toMatchObject({
      detail: expect.stringMatching(/^read: input_too_large: .*declare payload\(\) as input/),
    });
  }, 60_000);
});

describe("when the store of blobs fails", () => {
  const failing = {
    ...env,
    BLOBS: new Proxy(env.BLOBS, {
      get: () => () => Promise.reject(new Error("out of order")),
    }),
  };
  const stored = create(StoredDataSchema, {
    uri: "/v1/tenants/tenant/blobs/1/lifetime/a",
    metadata: { content_type: "application/json", bytes: "2" },
  });

  /** What is answered to one input of a task, whose only result before it is kept elsewhere. */
  const answerOf = async (kind: string, stores: typeof failing, settings = {}) => {
    const input = taskInput([{ value: 1 }]);
    input.planExecution!.result!.upstreamTasksResults[0]!.data = { case: "externalData", value: stored };
    const dispatch = {
      generation: 1,
      nodes: textsOf(specOf({ type: "task", kind, settings })),
      items: [{ node: 0, input: encode(TaskInputSchema, input), remainingMs: 60_000 }],
    };
    const batch = new Batch(nodes, dispatch, {}, new Payloads(stores, 1));
    while (!batch.done) await batch.changed();
    return taskExecution(batch.take().executions[0]!).result;
  };

  it.each([
    [
      "a result cannot be read as a value",
      "length",
      {},
      /^payload_unavailable: .*blobs.* cannot be read: out of order/,
    ],
    ["a result cannot be read as it lies", "read_bytes", {}, /^payload_unavailable: .* cannot be read/],
    ["bytes cannot be kept", "write_bytes", { bytes: 10 }, /^payload_unavailable: .* out of order/],
    ["a stream cannot be kept", "write_stream", { bytes: 6 * MIB }, /^payload_unavailable: .* out of order/],
  ])("%s, the attempt fails so that it is made again", async (_, kind, settings, message) => {
    const before = kind.startsWith("write") ? { ...failing, BLOBS: onlyReading(failing.BLOBS) } : failing;
    const result = await answerOf(kind, before, settings);
    expect(result?.errorMessage).toMatch(message);
    expect(NEVER_RETRIED).not.toContain(errorCode(result?.errorMessage ?? ""));
  });

  it("what is not there any more fails for good", async () => {
    const result = await answerOf("length", env as typeof failing);
    expect(result?.errorMessage).toBe(`payload_missing: nothing is kept at ${stored.uri}`);
    expect(NEVER_RETRIED).toContain("payload_missing");
  });
});

/** Reads what there is not, so that only writing fails. */
const onlyReading = (broken: R2Bucket): R2Bucket =>
  new Proxy(broken, {
    get: (target, name) =>
      name === "get" ? async () => ({ body: new Blob(["{}"]).stream() }) : Reflect.get(target, name),
  });

it("results that are loaded for inputs of one call are there one after another where they are too much at once", async () => {
  const room = new Room(10);
  expect(await Promise.all([room.enter(6), room.enter(4)])).toEqual([false, false]);
  const order: string[] = [];
  const waiting = [
    room.enter(8).then((waited) => order.push(`8 ${waited}`)),
    room.enter(1).then((waited) => order.push(`1 ${waited}`)),
  ];
  room.leave(6);
  room.leave(4);
  await Promise.all(waiting);
  expect(order).toEqual(["8 true", "1 true"]);
});
