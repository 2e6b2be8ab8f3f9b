// Without this, a D1 that is down, slow or picky could stop routing, lose records, or never be caught up with.

import { env } from "cloudflare:workers";
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { rowsOf } from "../../../src/data-plane/row.ts";
import { PROJECTED_NOTE_EVERY } from "../../../src/limits.ts";
import type { LogRecord } from "../../../src/topics/record.ts";
import { RefusalCode } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { PlanInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { type Faults, faultyD1 } from "../../fixtures/faulty-d1.ts";
import { openGate } from "../../fixtures/gates.ts";
import { folded, stored } from "../data-plane/fold.ts";
import { arrivals, bridgeOver } from "./bridge-client.ts";
import { answered, ECHO, freshName, inOwnTenant, logOf, type Own, withTask } from "./client.ts";

const LIFETIMES = 20;

/** I8: once D1 has caught up, it is the fold of the log. */
const expectFold = async (own: Own, without: (record: LogRecord) => boolean = () => false) => {
  answered(await own.object.projected());
  const log = logOf(own).filter((record) => !without(record));
  expect(await stored(own.tenant)).toEqual(folded(rowsOf(log)));
  expect(await own.counters()).toMatchObject({ backlog: 0, backlog_bytes: 0 });
};

const withFaults = (graphs: readonly string[], use: (own: Own, faults: Faults) => Promise<void>) => {
  const { faults, db } = faultyD1(env.DB);
  return inOwnTenant({ projection: new Projection(db) }, graphs, (own) => use(own, faults));
};

const runAll = async ({ start }: Own) => {
  const ended = await Promise.all(Array.from({ length: LIFETIMES }, () => start("echo")));
  expect(ended.map(({ status }) => status)).toEqual(ended.map(() => "SUCCEEDED"));
};

describe("lifetimes go on, and D1 has all of it afterwards, while it", () => {
  test("is down", () =>
    withFaults([ECHO], async (own, faults) => {
      faults.down = true;
      await runAll(own);
      await expect.poll(() => faults.failures).toBeGreaterThan(0);
      expect((await stored(own.tenant)).taskExecutions).toEqual([]);
      const { backlog, backlog_bytes } = await own.counters();
      expect(backlog).toBeGreaterThan(LIFETIMES);
      expect(backlog_bytes).toBeGreaterThan(LIFETIMES);
      faults.down = false;
      await expectFold(own);
    }));

  test("is slow", () =>
    withFaults([ECHO], async (own, faults) => {
      const answer = Promise.withResolvers<void>();
      faults.slow = answer.promise;
      await runAll(own);
      await runAll(own);
      answer.resolve();
      await expectFold(own);
    }));

  test("fails within each batch", () =>
    withFaults([ECHO], async (own, faults) => {
      faults.failsWithin = true;
      await runAll(own);
      await expect.poll(() => faults.failures).toBeGreaterThan(0);
      const nothing = await stored(own.tenant);
      expect(nothing).toEqual(folded(rowsOf([])));
      faults.failsWithin = false;
      await expectFold(own);
    }));

  test("was behind when the object started again", () =>
    withFaults([ECHO], async (own, faults) => {
      faults.down = true;
      await runAll(own);
      faults.down = false;
      await expectFold({ ...own, ...own.again() });
    }));
});

test("what D1 missed reaches it by itself", () =>
  withFaults([ECHO], async (own, faults) => {
    faults.down = true;
    await own.start("echo");
    await expect.poll(() => faults.failures).toBeGreaterThan(0);
    faults.down = false;
    await expect
      .poll(async () => (await stored(own.tenant)).taskExecutions?.length, { timeout: 10_000 })
      .toBe(1);
  }));

describe("a record that D1 refuses", () => {
  test("is set aside and holds up no other", () =>
    withFaults([ECHO], async (own, faults) => {
      faults.refuses = "poison";
      await own.start("echo", "poison");
      await runAll(own);
      const isPoisoned = (record: LogRecord) => JSON.stringify(rowsOf([record])).includes("poison");
      await expectFold(own, isPoisoned);
      const letters = await own.deadLetters();
      expect(letters.map(({ reason, topic }) => ({ reason, topic }))).toEqual(
        logOf(own)
          .filter(isPoisoned)
          .map((record) => ({
            reason: "unprojectable",
            topic: record.type === "execution" ? `${record.kind}-executions` : record.type,
          })),
      );
      // The input of the lifetime, and the result of its task.
      expect(letters).toHaveLength(2);
    }));

  test("is not set aside where D1 refuses any: then its tables are not the ones of this code", () =>
    withFaults([ECHO], async (own, faults) => {
      faults.refuses = "[";
      await runAll(own);
      // More than it takes to find one record among all: it has given up at least once.
      await expect.poll(() => faults.failures, { timeout: 10_000 }).toBeGreaterThan(10);
      expect(await own.deadLetters()).toEqual([]);
      faults.refuses = undefined;
      await expectFold(own);
    }));
});

test("at the bound of what D1 does not have nothing starts, what runs goes on, and starts come back", () => {
  const { faults, db } = faultyD1(env.DB);
  const gate = freshName("gate");
  const ports = { projection: new Projection(db), limits: { backlogBytesMax: 10_000 } };
  return inOwnTenant(ports, [ECHO, withTask("held", "gated", { gate })], async (own) => {
    const { lifetime } = await own.begin("held");
    faults.down = true;
    let refused = await own.tryStart("echo");
    while (refused.ok) refused = await own.tryStart("echo");
    expect(refused.error).toMatchObject({ code: "data_plane_behind", retryAfterMs: expect.any(Number) });
    openGate(gate);
    expect(await own.end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    faults.down = false;
    await expectFold(own);
    expect(await own.start("echo")).toMatchObject({ status: "SUCCEEDED" });
  });
});

test("what came from Kafka and was refused for it is asked for again once D1 has caught up", () => {
  const { faults, db } = faultyD1(env.DB);
  const ports = { projection: new Projection(db), limits: { backlogBytesMax: 10_000 } };
  return inOwnTenant(ports, [ECHO], async (own) => {
    faults.down = true;
    while ((await own.tryStart("echo")).ok);
    const { webSocket } = await own.object.fetch(
      new Request("http://object/", { headers: { upgrade: "websocket" } }),
    );
    const [server] = own.state.getWebSockets();
    if (!webSocket || !server) throw new Error("not connected");
    // What the platform brings over the socket, it brings to an object of its own.
    const bridge = bridgeOver(
      webSocket,
      (bytes) => void own.object.webSocketMessage(server, bytes.slice().buffer),
    );
    await bridge.hello();
    const value = toBinary(PlanInputSchema, create(PlanInputSchema, { planName: "begin" }));
    bridge.say(arrivals([{ topic: "plan-inputs", value, offset: 0 }]));
    expect(await bridge.next("refusal")).toMatchObject({ code: RefusalCode.NO_ROOM });
    faults.down = false;
    answered(await own.object.projected());
    // Before it is the first mark that it is told, it has been told the one at which it stayed.
    const mark = async () => (await bridge.next("received")).marks[0]?.next;
    expect([await mark(), await mark()]).toEqual([0n, 0n]);
    bridge.say(arrivals([{ topic: "plan-inputs", value, offset: 0 }]));
    expect(await mark()).toBe(1n);
  });
});

describe("an object that starts again while D1 is down", () => {
  const behind = { ok: false, error: { code: "data_plane_behind" } };

  test("is held to the bound of what D1 does not have, as before", () => {
    const { faults, db } = faultyD1(env.DB);
    const ports = { projection: new Projection(db), limits: { backlogBytesMax: 10_000 } };
    return inOwnTenant(ports, [ECHO], async (own) => {
      faults.down = true;
      while ((await own.tryStart("echo")).ok);
      const again = own.again();
      expect(await again.tryStart("echo")).toMatchObject(behind);
      faults.down = false;
      await expectFold({ ...own, ...again });
      expect(await again.start("echo")).toMatchObject({ status: "SUCCEEDED" });
    });
  });

  test("does not count what D1 has had for long", () => {
    const { faults, db } = faultyD1(env.DB);
    const projection = new Projection(db);
    return inOwnTenant({ projection }, [ECHO], async (own) => {
      while (answered(await own.object.projected()).offset < PROJECTED_NOTE_EVERY) await runAll(own);
      faults.down = true;
      const again = own.again({ projection, limits: { backlogBytesMax: 100_000 } });
      expect(await again.start("echo")).toMatchObject({ status: "SUCCEEDED" });
    });
  });
});
