// Without these, a reader could be held up by a slow one, kept for ever, or lose what came while it was away.
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import type { StreamRequest } from "../../../src/control-plane/tenant.ts";
import { TRIM_EVERY_MS } from "../../../src/limits.ts";
import { storedEvents } from "../../../workers/gateway/stored-events.ts";
import { openGate } from "../../fixtures/gates.ts";
import { askEvents, follow, named, type Seen, streamOf } from "../event-stream.ts";
import {
  answered,
  type Client,
  clockAhead,
  ECHO,
  freshName,
  inOwnTenant,
  silent,
  withTask,
} from "./client.ts";

const open = async ({ object }: Client, request?: StreamRequest) => follow(await streamOf(object, request));

const readers = async ({ counters }: Client) => (await counters()).stream_readers;

/** All events so far. */
const log = async (client: Client): Promise<Seen[]> => {
  const stream = await open(client, { after: 0 });
  const { offset } = answered(await client.object.projected());
  const events = await stream.until(({ id }) => Number(id) === offset);
  await stream.stop();
  return events;
};

const isEndOf = (lifetime: string) => (seen: Seen) =>
  seen.event === "lifetime_ended" && seen.data.lifetime === lifetime;

describe("a reader", () => {
  test("that takes nothing is cut off with a reason, holds up nobody, and reads the rest when it comes back", () =>
    inOwnTenant({ streamBounds: { tenantBytesMax: 100 } }, [ECHO], async (own) => {
      const said = vi.spyOn(console, "warn");
      const stream = await streamOf(own.object);
      const slow = stream.getReader();
      await slow.read();
      const taken = slow.read();
      // Each is delivered to its own reader, who keeps up, in the same turn as to the slow one.
      const lifetimes = [];
      for (let n = 0; n < 4; n++) {
        const { lifetime } = await own.begin("echo");
        await (await open(own, { lifetime })).rest();
        lifetimes.push(lifetime);
      }
      expect(await readers(own)).toBe(0);
      const lines = said.mock.calls.map(([line]) => JSON.parse(String(line)));
      said.mockRestore();
      expect(lines).toMatchObject([{ event: "stream_cut", tenant: own.tenant, code: "reader_too_slow" }]);
      const chunk = (await taken).value ?? new Uint8Array();
      slow.releaseLock();
      const seen = await follow(new Response(chunk).body as ReadableStream<Uint8Array>).rest();
      expect(await follow(stream).rest()).toMatchObject([
        { event: "closing", data: { code: "reader_too_slow" } },
      ]);

      const again = await open(own, { after: Number(seen.at(-1)?.id) });
      const all = await log(own);
      const begin = all.findIndex(({ id }) => id === seen[0]?.id);
      expect([...seen, ...(await again.until(isEndOf(lifetimes[3] ?? "")))]).toEqual(all.slice(begin));
    }));

  test("is not cut off for a commit that is larger than what may wait", () => {
    const names = Array.from({ length: 40 }, (_, i) => `work${i}`).join(" ");
    const wide = `digraph wide { begin [type=plan kind=parallel]; node [type=task kind=transform expression="1"]
      ${names}; begin -> { ${names} } }`;
    return inOwnTenant({ streamBounds: { lifetimeBytesMax: 100 } }, [wide], async (own) => {
      const { lifetime } = await own.begin("wide");
      const events = await (await open(own, { lifetime })).rest();
      expect(events.filter(named("task_execution"))).toHaveLength(40);
    });
  });

  test("that is gone leaves its place, and over the bound there is none", () =>
    inOwnTenant({ streamBounds: { readersMax: 2 } }, [ECHO], async (own) => {
      const first = await open(own);
      await open(own);
      expect(await askEvents(own.object)).toMatchObject({
        error: { code: "too_many_readers", retryAfterMs: expect.any(Number) },
      });
      await first.stop();
      await expect.poll(() => readers(own)).toBe(1);
      await open(own);
      expect(await readers(own)).toBe(2);
    }));

  test("that has gone without a word is found out, and then nothing is kept alive any more", () =>
    inOwnTenant({ streamBounds: { keepAliveMs: 5 } }, [ECHO], async (own) => {
      const stream = await streamOf(own.object);
      await expect.poll(() => readers(own)).toBe(0);
      expect(await follow(stream).rest()).toMatchObject([{ data: { code: "reader_too_slow" } }]);
    }));

  test("is sent away after a long time, in which its connection was kept alive", () =>
    inOwnTenant({ streamBounds: { keepAliveMs: 100, msMax: 200 } }, [ECHO], async (own) => {
      const text = await new Response(await streamOf(own.object)).text();
      expect(text).toMatch(/^retry: \d+\n\n(: keep-alive\n\n)+event: closing\ndata: .*stream_expired/);
    }));

  test("is told when its tenant is deleted", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const streams = [
        await open(own),
        await open(own, await own.start("echo")),
        await open(own, { after: 0 }),
      ];
      await own.object.remove();
      for (const stream of streams)
        expect((await stream.rest()).at(-1)).toMatchObject({ data: { code: "tenant_deleting" } });
    }));
});

describe("events", () => {
  test("are the same for whoever begins to read them, at whatever moment", () =>
    inOwnTenant({}, [ECHO], async (own) => {
      const streams = [];
      const starts = [];
      for (let n = 0; n < 30; n++) {
        starts.push(own.start("echo"));
        streams.push(await open(own, { after: 0 }));
      }
      await Promise.all(starts);
      const all = await log(own);
      expect(all.map(({ id }) => Number(id))).toEqual(all.map((_, i) => i + 1));
      for (const stream of streams)
        expect(await stream.until(({ id }) => id === all.at(-1)?.id)).toEqual(all);
    }));

  test("go on after a restart where they ended before it", () => {
    const gate = freshName("gate");
    return inOwnTenant({}, [withTask("held", "gated", { gate })], async ({ state, again: objectWith }) => {
      const before = objectWith({ executors: { plan: state.exports.PlanInputs, task: silent } });
      const { lifetime } = await before.begin("held");
      const seen = await (await open(before, { lifetime })).until(({ data }) => data.node === "work");
      const again = objectWith({});
      openGate(gate);
      const rest = await (await open(again, { lifetime, after: Number(seen.at(-1)?.id) })).rest();
      expect(rest.map(({ event }) => event)).toEqual(["task_execution", "lifetime_ended"]);
      expect([...seen, ...rest]).toEqual(await (await open(again, { lifetime })).rest());
    });
  });

  test("that were trimmed are refused with where the others begin, and those of a lifetime are in the database", () => {
    const clock = clockAhead();
    return inOwnTenant({ limits: { logRetentionMs: 60_000 }, now: clock.now }, [ECHO], async (own) => {
      const { lifetime } = await own.start("echo");
      const before = await (await open(own, { lifetime })).rest();
      const { offset } = answered(await own.object.projected());
      clock.at += TRIM_EVERY_MS;
      await own.object.wake();
      expect(await askEvents(own.object, { after: 1 })).toMatchObject({
        error: { code: "offset_trimmed", firstOffset: offset + 1 },
      });
      expect(await askEvents(own.object, { lifetime })).toMatchObject({
        error: { code: "lifetime_not_found" },
      });

      const kept = before.filter(({ event }) => event !== "input_issued");
      for (let i = -1; i < kept.length - 1; i++) {
        const stream = answered(await storedEvents(env, own.tenant, lifetime, Number(kept[i]?.id ?? 0)));
        if (stream === undefined) throw new Error("no stream");
        expect(await follow(stream).rest()).toEqual(kept.slice(i + 1));
      }
      expect(answered(await storedEvents(env, own.tenant, lifetime, Number(kept.at(-1)?.id)))).toBe(
        undefined,
      );
      expect(await storedEvents(env, own.tenant, "other", 0)).toMatchObject({ ok: false });
    });
  });
});
