// Without this, what is on its way to D1 when a tenant is deleted could hold up or spoil the one that comes after it.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Ports } from "../../../workers/control-plane/tenant-object.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { answered, ECHO, inOwnTenant } from "./client.ts";

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
    removeSlice: (address) => real.removeSlice(address),
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
