// Without this, a database that is down could stop lifetimes, or keep what it missed from ever arriving.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { Ports } from "../../../workers/control-plane/tenant-object.ts";
import { Projection } from "../../../workers/data-plane/projection.ts";
import { answered, ECHO, inOwnTenant } from "./client.ts";

const LIFETIMES = 20;

/** The real one, which throws while it is down. */
const failing = () => {
  const real = new Projection(env.DB);
  const database = { down: false, refused: 0 };
  const unless = <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (!database.down) return call(...args);
      database.refused++;
      throw new Error("the database is down");
    };
  };
  const projection: Ports["projection"] = {
    cursor: unless((address) => real.cursor(address)),
    flush: unless((...args) => real.flush(...args)),
    provision: unless((identity) => real.provision(identity)),
    removeSlice: unless((address) => real.removeSlice(address)),
  };
  return { database, projection };
};

const rowsOf = (tenant: string) =>
  env.DB.prepare("SELECT count(*) AS n FROM task_executions WHERE tenant = ?")
    .bind(tenant)
    .first<number>("n");

test("lifetimes go on while the database is down, and it has them all once it is up", () => {
  const { database, projection } = failing();
  return inOwnTenant({ projection }, [ECHO], async ({ tenant, start, object }) => {
    database.down = true;
    const ended = await Promise.all(Array.from({ length: LIFETIMES }, () => start("echo")));
    expect(ended.map(({ status }) => status)).toEqual(ended.map(() => "SUCCEEDED"));
    await expect.poll(() => database.refused).toBeGreaterThan(0);
    expect(await rowsOf(tenant)).toBe(0);
    database.down = false;
    answered(await object.projected());
    expect(await rowsOf(tenant)).toBe(LIFETIMES);
  });
});

test("what the database missed reaches it by itself", () => {
  const { database, projection } = failing();
  return inOwnTenant({ projection }, [ECHO], async ({ tenant, start }) => {
    database.down = true;
    await start("echo");
    await expect.poll(() => database.refused).toBeGreaterThan(0);
    database.down = false;
    await expect.poll(() => rowsOf(tenant), { timeout: 10_000 }).toBe(1);
  });
});
