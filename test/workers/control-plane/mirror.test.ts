// Without this a record could be lost or sent twice on its way to Kafka, or two bridges do the same work for ever.
import { abortAllDurableObjects, evictDurableObject, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { MIRROR_CONNECTIONS_MAX } from "../../../src/limits.ts";
import { creditOfAll } from "../../../src/mirror/credit.ts";
import { wireTopic } from "../../../src/mirror/frame.ts";
import type { Topic } from "../../../src/topics/topics.ts";
import { RefusalCode } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import {
  type Bridge,
  connect,
  type Departed,
  departuresTo,
  PLENTY,
  streaming,
  upgrade,
} from "./bridge-client.ts";
import { answered, ECHO, freshTenant, inOwnTenant, stubOf, taskExecution } from "./client.ts";

/** A tenant in which one lifetime has ended, and where its log ends. */
const ended = async () => {
  const client = await freshTenant(ECHO);
  await client.start("echo", { n: 1 });
  const [plan] = await client.read("plan-executions");
  const [task] = await client.read("task-executions");
  return { ...client, plan: plan?.offset ?? 0, task: task?.offset ?? 0 };
};

const sizesOf = ({ key, value }: Departed) => ({ key: new TextEncoder().encode(key), value });

/** What the object remembers of its only connection. */
const keptOf = (state: DurableObjectState): unknown => state.getWebSockets()[0]?.deserializeAttachment();

describe("a connection", () => {
  test("beside as many as may be is refused with what to do", async () => {
    const { tenant } = await freshTenant();
    for (let i = 0; i < MIRROR_CONNECTIONS_MAX; i++) await connect(tenant);
    const response = await upgrade(tenant);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ code: "overloaded" });
  });

  test("is given to keys of bridges and admins, and to others not", async () => {
    const { tenant } = await freshTenant();
    const statuses = ["bridge-key", "admin-key", "operator-key", "reader-key", "none"].map(
      async (key) => (await upgrade(tenant, key)).status,
    );
    expect(await Promise.all(statuses)).toEqual([101, 101, 403, 403, 401]);
    expect((await upgrade("nobody")).status).toBe(404);
  });

  test("begins with where the tenant stands", async () => {
    const { tenant } = await ended();
    const welcome = await (await connect(tenant)).hello();
    expect(welcome).toMatchObject({ tenant, partition: 0, generation: 1n, acknowledged: 0n, marks: [] });
    expect(welcome.settings).toMatchObject({ deployment: "escapement", takesStarts: true });
    expect(Number(welcome.credit?.records)).toBeGreaterThan(0);
    expect(Number(welcome.tail)).toBeGreaterThan(1);
  });

  test.each<[string, RefusalCode, Parameters<Bridge["hello"]>]>([
    ["another version", RefusalCode.PROTOCOL_VERSION, ["one", "escapement", 2]],
    ["another deployment", RefusalCode.WRONG_DEPLOYMENT, ["one", "other", 1]],
    ["no bridge", RefusalCode.MALFORMED, ["", "escapement", 1]],
    ["no gateway", RefusalCode.MALFORMED, ["one", "escapement", 1, "gateway:80"]],
  ])("that names %s is refused and closed", async (_, code, hello) => {
    const { tenant } = await freshTenant();
    const bridge = await connect(tenant);
    bridge.hello(...hello).catch(() => {});
    expect(await bridge.next("refusal")).toMatchObject({ code });
    expect((await bridge.closed()).code).toBe(1008);
  });

  test("that does not begin with a hello, or says what is no frame, is refused and closed", async () => {
    const { tenant } = await freshTenant();
    const [early, wild, twice] = [await connect(tenant), await connect(tenant), await connect(tenant)];
    early.claim().catch(() => {});
    wild.socket.send(new Uint8Array([255, 255]));
    await twice.hello();
    twice.hello().catch(() => {});
    for (const each of [early, wild, twice])
      expect(await each.next("refusal")).toMatchObject({ code: RefusalCode.MALFORMED });
  });

  test("is pinged without a frame", async () => {
    const { tenant } = await freshTenant();
    expect(await (await connect(tenant)).text("ping")).toBe("pong");
  });

  test("is told of settings when they change", async () => {
    const { tenant, object } = await freshTenant();
    const bridge = await connect(tenant);
    await bridge.hello();
    answered(await object.provision({ tenant, partition: 0 }, { mirror: { takesStarts: false } }));
    expect(await bridge.next("settings")).toMatchObject({ takesStarts: false });
  });

  test("ends with its tenant", async () => {
    const { tenant, object } = await freshTenant();
    const bridge = await connect(tenant);
    await bridge.hello();
    await object.remove();
    expect((await bridge.closed()).code).toBe(1001);
  });
});

describe("departures", () => {
  test("are the executions in the order of the log, each once for both of its topics", async () => {
    const { tenant, plan, task } = await ended();
    const { records } = await departuresTo(await streaming(tenant), task);
    expect(records.map(({ offset, topics, key }) => ({ offset, topics, key }))).toEqual([
      { offset: plan, topics: ["plan-executions", "persisted-plan-executions"], key: "begin" },
      { offset: task, topics: ["task-executions", "persisted-task-executions"], key: "say" },
    ]);
    expect(taskExecution(records[1]?.value ?? new Uint8Array()).header?.name).toBe("say");
  });

  test("follow as they are committed", async () => {
    const { tenant, start, read } = await freshTenant(ECHO);
    const bridge = await streaming(tenant);
    await start("echo");
    const [task] = await read("task-executions");
    expect((await departuresTo(bridge, task?.offset ?? 0)).records).toHaveLength(2);
  });

  test("have the topics and keys that the tenant has chosen", async () => {
    const { tenant, object, task } = await ended();
    const mirror = {
      keyMode: "graph_node" as const,
      out: ["task-executions" as const, "plan-inputs" as const],
    };
    answered(await object.provision({ tenant, partition: 0 }, { mirror: { ...mirror, inputs: "all" } }));
    const { records } = await departuresTo(await streaming(tenant), task);
    expect(records.map(({ topics, key }) => [topics, key])).toEqual([
      [["plan-inputs"], "echo:begin"],
      [["task-executions"], "echo:say"],
    ]);
  });

  test("stop where credit is used up, and go on with more", async () => {
    const { tenant, plan, task } = await ended();
    const bridge = await streaming(tenant, 0n, { records: 1n, bytes: 1_000_000n });
    const first = await bridge.next("departures");
    expect(first.records.map(({ offset }) => Number(offset))).toEqual([plan]);
    expect(await bridge.text("ping")).toBe("pong");
    expect(bridge.frames).toEqual([]);
    bridge.say({ case: "credit", value: { records: 1n, bytes: 0n } });
    expect((await departuresTo(bridge, task)).records.map(({ offset }) => offset)).toEqual([task]);
  });

  test("never go over the bytes of their credit, and come with what they say that they lack", async () => {
    const { tenant, task } = await ended();
    const bridge = await streaming(tenant, 0n, { records: 10n, bytes: 1_000n });
    const { bytes } = await bridge.next("need");
    bridge.say({ case: "credit", value: { records: 0n, bytes: bytes - 1n } });
    // What is answered now was said later.
    await bridge.claim();
    expect(bridge.frames).toEqual([]);
    bridge.resume(0n, { records: 10n, bytes: 1_000n + bytes });
    const { records } = await departuresTo(bridge, task);
    expect(records).toHaveLength(2);
    expect(creditOfAll(records.map(sizesOf))).toBe(1_000 + Number(bytes));
  });

  test("leave the credit as it began, once it is given back", async () => {
    const { tenant, task } = await ended();
    const bridge = await streaming(tenant);
    const { records } = await departuresTo(bridge, task);
    const parts = records.map(sizesOf);
    bridge.say({
      case: "credit",
      value: { records: BigInt(parts.length), bytes: BigInt(creditOfAll(parts)) },
    });
    bridge.progress(BigInt(task));
    await expect
      .poll(() => runInDurableObject(stubOf(tenant), (_, state) => keptOf(state)))
      .toMatchObject({ records: Number(PLENTY.records), bytes: Number(PLENTY.bytes) });
  });

  test("begin again above what was acknowledged, also over a crash of the object", async () => {
    const { tenant, plan, task } = await ended();
    const bridge = await streaming(tenant);
    await departuresTo(bridge, task);
    bridge.progress(BigInt(plan));
    // An answer to what was said later comes after it was followed.
    bridge.say({ case: "claim", value: { leaseMs: 1_000n } });
    await bridge.next("lease");
    await abortAllDurableObjects();
    const again = await connect(tenant);
    expect((await again.hello()).acknowledged).toBe(BigInt(plan));
    await again.claim();
    again.resume(BigInt(plan));
    expect((await departuresTo(again, task)).records.map(({ offset }) => offset)).toEqual([task]);
  });

  test("are not sent twice where Kafka has more than was acknowledged", async () => {
    const { tenant, start, read, task } = await ended();
    const bridge = await streaming(tenant, BigInt(task));
    await start("echo");
    const later = (await read("task-executions")).at(-1)?.offset ?? 0;
    const { records } = await departuresTo(bridge, later);
    expect(records.map(({ offset }) => offset > task)).toEqual([true, true]);
  });

  test.each([
    ["less than was acknowledged", -1n, RefusalCode.PROGRESS_LOST],
    ["more than the log has", 1_000n, RefusalCode.PROGRESS_AHEAD],
  ])("do not begin where Kafka has %s", async (_, more, code) => {
    const { tenant, task } = await ended();
    const bridge = await streaming(tenant);
    const { through } = await departuresTo(bridge, task);
    bridge.progress(through);
    bridge.resume(through + more);
    expect(await bridge.next("refusal")).toMatchObject({ code });
  });

  test("that the broker refuses are dead letters", async () => {
    const { tenant, task, deadLetters } = await ended();
    const bridge = await streaming(tenant);
    const { through } = await departuresTo(bridge, task);
    const undelivered = [
      { offset: BigInt(task), topic: wireTopic("task-executions"), detail: "too large", bytes: 99n },
    ];
    // Again after a crash that nobody has seen.
    for (let said = 0; said < 2; said++) {
      bridge.say({ case: "progress", value: { through, undelivered } });
      expect(await bridge.next("buried")).toMatchObject({ through: BigInt(task) });
    }
    expect(await deadLetters()).toMatchObject([
      { reason: "undeliverable", topic: "task-executions", detail: expect.stringContaining("too large") },
    ]);
  });
});

describe("the lease", () => {
  test("is one bridge's, and goes to the next when its connection ends", async () => {
    const { tenant } = await freshTenant();
    const [one, two] = [await connect(tenant), await connect(tenant)];
    await one.hello("one");
    await two.hello("two");
    expect(await one.claim()).toMatchObject({ granted: true, epoch: 1n });
    expect(await two.claim()).toMatchObject({ granted: false, holder: "one", epoch: 1n });
    one.say({ case: "goodbye", value: { reason: "test" } });
    await one.closed();
    expect(await two.claim()).toMatchObject({ granted: true, epoch: 2n });
  });

  test("says what Kafka has by now, and is given back without the connection", async () => {
    const { tenant, task } = await ended();
    const [one, two] = [await connect(tenant), await connect(tenant)];
    expect((await two.hello("two")).acknowledged).toBe(0n);
    await one.hello("one");
    await one.claim();
    one.resume(0n);
    await departuresTo(one, task);
    one.progress(BigInt(task));
    one.say({ case: "release", value: {} });
    await expect
      .poll(() => two.claim())
      .toMatchObject({ granted: true, epoch: 2n, acknowledged: BigInt(task) });
    expect(await one.text("ping")).toBe("pong");
  });

  test("is left to whoever should have it once it is vacant, of which all are told", async () => {
    const { tenant } = await freshTenant();
    const [one, two, three] = [await connect(tenant), await connect(tenant), await connect(tenant)];
    await one.hello("one");
    await two.hello("two");
    await three.hello("three");
    expect(await one.claim(10_000, 60_000)).toMatchObject({ granted: true });
    one.say({ case: "release", value: {} });
    await two.next("vacancy");
    for (const patient of [one, two])
      expect(await patient.claim(10_000, 60_000)).toMatchObject({ granted: false, holder: "" });
    await three.next("vacancy");
    expect(await three.claim()).toMatchObject({ granted: true, epoch: 2n });
  });

  test("of one that failed is anybody's at once", async () => {
    const { tenant } = await freshTenant();
    const [one, two] = [await connect(tenant), await connect(tenant)];
    await one.hello("one");
    await two.hello("two");
    await one.claim();
    one.say({ case: "release", value: { failed: true } });
    await two.next("vacancy");
    expect(await two.claim(10_000, 60_000)).toMatchObject({ granted: true, epoch: 2n });
  });

  test("is taken over from who shows no sign of life, who may say nothing more of progress", async () => {
    const { tenant } = await freshTenant(ECHO);
    const [one, two] = [await streaming(tenant), await connect(tenant)];
    await one.claim(1_000);
    await two.hello("two");
    await expect.poll(async () => (await two.claim()).granted).toBe(true);
    expect(await one.next("lease")).toMatchObject({ granted: false, holder: "two" });
    one.progress(0n);
    expect(await one.next("refusal")).toMatchObject({ code: RefusalCode.NOT_LEASED });
  });

  test("is taken over from who shows no sign of life, however often the object slept meanwhile", async () => {
    const { tenant } = await freshTenant();
    const [one, two] = [await streaming(tenant), await connect(tenant)];
    await one.claim(1_000);
    await two.hello("two");
    const claim = async () => {
      await evictDurableObject(stubOf(tenant));
      return two.claim();
    };
    await expect.poll(claim).toMatchObject({ granted: true });
  });

  test("is the same bridge's again at once, over a crash of the object", async () => {
    const { tenant } = await freshTenant();
    await streaming(tenant);
    await abortAllDurableObjects();
    const [other, same] = [await connect(tenant), await connect(tenant)];
    await other.hello("other");
    expect(await other.claim()).toMatchObject({ granted: false, holder: "one" });
    expect(await other.claim(10_000, 60_000)).toMatchObject({ granted: false });
    await same.hello("one");
    expect(await same.claim()).toMatchObject({ granted: true, epoch: 2n });
  });

  test("keeps nothing from being trimmed while nothing goes out, and what comes after it once something does", async () => {
    const { tenant, object, task } = await ended();
    const bridge = await streaming(tenant);
    const pinned = () =>
      runInDurableObject(stubOf(tenant), (_, { storage }) =>
        storage.sql
          .exec("SELECT offset FROM cursors")
          .toArray()
          .map(({ offset }) => offset),
      );
    const { through } = await departuresTo(bridge, task);
    const mirrors = async (out: Topic[]) =>
      answered(await object.provision({ tenant, partition: 0 }, { mirror: { out } }));
    await mirrors([]);
    expect(await pinned()).toEqual([]);
    expect(answered(await object.mirror()).lag).toBe(0);
    bridge.progress(through);
    await bridge.claim();
    expect(await pinned()).toEqual([]);
    await mirrors(["task-executions"]);
    expect(await pinned()).toEqual([Number(through)]);
    // Kafka may have less: nothing went out meanwhile.
    bridge.resume(0n);
    await departuresTo(bridge, Number(through));
  });

  test("keeps what Kafka lacks from being trimmed, from the first on", async () => {
    const [has, lacks] = [await ended(), await ended()];
    for (const { tenant, task } of [has, lacks]) {
      const bridge = await streaming(tenant);
      const { through } = await departuresTo(bridge, task);
      if (tenant === has.tenant) bridge.progress(through);
      // What is answered now was said later.
      await bridge.text("ping");
      await bridge.claim();
    }
    for (const { tenant, object } of [has, lacks]) {
      answered(await object.projected());
      answered(await object.provision({ tenant, partition: 0 }, { logRetentionMs: 0 }));
    }
    await expect
      .poll(async () => {
        for (const { object } of [has, lacks]) await object.wake();
        return (await has.read("task-executions")).length;
      })
      .toBe(0);
    expect(await lacks.read("task-executions")).toHaveLength(1);
  });
});

test("where the storage is nearly full Kafka is left behind, if that was chosen, and goes on from where it is", async () => {
  let tenant = "";
  let task = 0;
  await inOwnTenant({}, [ECHO], async (own) => {
    const { state, object, again } = own;
    tenant = own.tenant;
    await own.start("echo");
    task = (await own.read("task-executions"))[0]?.offset ?? 0;
    answered(await object.provision({ tenant, partition: 0 }, { mirror: { atThreshold: "drop_mirror" } }));
    state.storage.sql.exec("INSERT INTO mirror_lease VALUES (1, 'one', 1, 1000, 0)");
    state.storage.sql.exec("INSERT INTO cursors VALUES ('kafka', 2, 0)");
    const nearlyFull = again({ limits: { storageBytesMax: state.storage.sql.databaseSize / 0.85 } });
    // The gap is the last of its records.
    await expect.poll(async () => answered(await nearlyFull.object.mirror()).lag).toBe(1);
  });
  await abortAllDurableObjects();
  const bridge = await connect(tenant);
  expect((await bridge.hello()).acknowledged).toBe(2n);
  await bridge.claim();
  bridge.resume(1n);
  expect(await bridge.next("refusal")).toMatchObject({ code: RefusalCode.PROGRESS_LOST });
  bridge.resume(2n);
  expect((await departuresTo(bridge, task)).records).not.toEqual([]);
});
