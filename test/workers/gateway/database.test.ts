// Without these a database that is away for a moment looks like a fault of ours, which nobody tries again.
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { app } from "../../../workers/gateway/app.ts";
import { ORIGIN, send } from "./client.ts";

beforeAll(async () => {
  await send("PUT", "/v1/tenants/database");
});

/** The answer of a gateway whose statements all fail with this. */
const askedOf = async (path: string, error: string) => {
  const fail = async () => {
    throw new Error(error);
  };
  const statement = { all: fail, raw: fail, run: fail, first: fail, bind: () => statement };
  const broken = { ...env, DB: { prepare: () => statement, batch: fail } } as unknown as Env;
  const request = new Request(`${ORIGIN}/v1/tenants${path}`, {
    headers: { authorization: "Bearer admin-key" },
  });
  const response = await app.fetch(request, broken, createExecutionContext());
  return {
    status: response.status,
    retryAfter: response.headers.get("retry-after"),
    body: await response.json<{ code: string }>(),
  };
};

// One statement by itself, a batch, and what the object does not know any more.
describe.each(["", "/database/executions", "/database/lifetimes/unknown"])("GET /v1/tenants%s", (path) => {
  test.each([
    "D1_ERROR: Network connection lost.",
    "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
    "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset.",
    "D1_ERROR: database is locked: SQLITE_BUSY",
  ])("answers 503 and when to try again where D1 says %s", async (error) => {
    const { status, retryAfter, body } = await askedOf(path, error);
    expect({ status, retryAfter, code: body.code }).toEqual({
      status: 503,
      retryAfter: "1",
      code: "unavailable",
    });
  });

  test("answers 500 where the statement is at fault", async () => {
    const { status, body } = await askedOf(path, "D1_ERROR: no such column: nobody: SQLITE_ERROR");
    expect({ status, code: body.code }).toEqual({ status: 500, code: "internal" });
  });
});

test("a statement at fault is told apart by what D1 really says", async () => {
  const said = await env.DB.prepare("SELECT nobody FROM tenants").run().catch(String);
  expect(said).toMatch(/D1_ERROR: .*: SQLITE_ERROR/);
});
