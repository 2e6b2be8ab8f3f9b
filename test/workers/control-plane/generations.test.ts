// Without this, what is on its way to D1 when a tenant is deleted could hold up or spoil the one that comes after it,
// and whoever deletes its topics could delete those of that one.
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { TOPIC_REMOVAL_MS } from "../../../src/limits.ts";
import type { Ports } from "../../../workers/control-plane/tenant-object.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { answered, clockAhead, ECHO, inOwnTenant } from "./client.ts";

const LIFETIMES = "SELECT count(*) AS n FROM lifetimes WHERE tenant = ?";

test.each<[string, (flight: PromiseWithResolvers<void>) => void]>([
  ["succeeds", (flight) => flight.resolve()],
  ["fails", (flight) => flight.reject(new Error("the database is down"))],
])("a flush that %s after its tenant was deleted holds up and changes nothing of the next one", (_, land) => {
  const real = new Projection(env.DB);
  const flight = Promise.withResolvers<void>();
  const generations: number[] = [];
  const projection: Ports["projection"] = {
    cursor: (address) => real.cursor(address),
    provision: (identity) => real.provision(identity),
    removeLifetime: (...args) => real.removeLifetime(...args),
    removeSlice: (...slice) => real.removeSlice(...slice),
    flush: async (address, ...rest) => {
      generations.push(address.generation);
      const flushed = await real.flush(address, ...rest);
      if (address.generation === 1) await flight.promise;
      return flushed;
    },
  };
  return inOwnTenant({ projection }, [ECHO], async ({ tenant, object, register, start }) => {
    await start("echo");
    await expect.poll(() => generations).toEqual([1]);
    answered(await object.remove());
    answered(await object.provision({ tenant, partition: 0 }));
    await register(ECHO);
    await start("echo");
    // Waits for a flush of the second generation; that of the first has not come back.
    answered(await object.projected());
    land(flight);
    await start("echo");
    answered(await object.projected());
    expect(await env.DB.prepare(LIFETIMES).bind(tenant).first<number>("n")).toBe(2);
    expect(generations.lastIndexOf(1)).toBe(0);
  });
});

describe("a tenant that is deleted with its topics", () => {
  const status = (tenant: string) =>
    env.DB.prepare("SELECT status FROM tenants WHERE tenant = ?").bind(tenant).first("status");

  test("is gone, and may be made again, once the bridge that claimed them has deleted them", () => {
    const clock = clockAhead();
    return inOwnTenant(clock, [ECHO], async (own) => {
      const { object, tenant, start } = own;
      await start("echo");
      answered(await object.projected());
      expect(await object.claimTopics("early")).toMatchObject({ error: { code: "illegal_transition" } });
      expect(answered(await object.remove("delete"))).toMatchObject({ topics: "delete" });
      expect(await env.DB.prepare("SELECT 1 FROM lifetimes WHERE tenant = ?").bind(tenant).first()).toBe(
        null,
      );
      expect(await status(tenant)).toBe("DELETING");

      expect(answered(await object.claimTopics("first"))).toMatchObject({ tenant, generation: 1 });
      const busy = { error: { code: "tenant_deleting" } };
      // Also of another incarnation of the object.
      const woken = own.again().object;
      expect(await woken.claimTopics("second")).toMatchObject(busy);
      expect(await woken.remove("keep")).toMatchObject(busy);
      expect(await woken.provision({ tenant, partition: 0 })).toMatchObject(busy);
      answered(await woken.remove());
      await woken.alarm();
      clock.at += TOPIC_REMOVAL_MS;
      answered(await woken.claimTopics("second"));
      expect(await woken.topicsDeleted("first")).toMatchObject({ error: { code: "illegal_transition" } });
      answered(await woken.topicsDeleted("second"));
      expect(await status(tenant)).toBe("DELETED");
      expect(await woken.claimTopics("third")).toMatchObject({ error: { code: "tenant_not_found" } });
      const again = answered(await woken.provision({ tenant, partition: 0 }));
      expect(again).toMatchObject({ generation: 2, created: true });
      expect(again).not.toHaveProperty("topics");
      expect(await woken.claimTopics("late")).toMatchObject({ error: { code: "illegal_transition" } });
    });
  });

  test("is gone without them where that was taken back, and cannot ask for them late", () =>
    inOwnTenant({}, [], async ({ object, tenant }) => {
      answered(await object.remove("delete"));
      expect(answered(await object.describe())).toMatchObject({ status: "DELETING", topics: "delete" });
      answered(await object.remove("keep"));
      expect(await status(tenant)).toBe("DELETED");
      answered(await object.provision({ tenant, partition: 0 }));
      const [, late] = await Promise.all([object.remove(), object.remove("delete")]);
      expect(late.ok).toBe(false);
      expect(await status(tenant)).toBe("DELETED");
    }));
});
