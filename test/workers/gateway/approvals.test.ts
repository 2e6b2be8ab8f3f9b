// Without this, people could be asked nothing, answer for others or twice, or see another thing than they agreed to.
import { abortAllDurableObjects, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { as, begin, end, provision, TENANT } from "./asking.ts";
import { send } from "./client.ts";

beforeAll(provision);

describe("an approval", () => {
  test("says what is asked and who may answer, and its lifetime that it waits for it", async () => {
    const { lifetime, approval, id } = await begin("review");
    const { body } = await send("GET", lifetime);
    expect(body).toMatchObject({
      status: "WAITING",
      why: { inputs: [{ phase: "waiting", for: "an answer of reader or operator or role:admin" }] },
    });
    expect(await send("GET", approval)).toMatchObject({
      status: 200,
      body: {
        lifetime: id,
        node: "review",
        status: "OPEN",
        title: "Publish a tale?",
        description: "by eve",
        subject: { text: "a tale", by: "eve" },
        schema: { type: "object" },
        who: ["reader", "operator", "role:admin"],
        quorum: 1,
        votes: [],
        on_expiry: "reject",
      },
    });
  });

  test("that is answered with another value keeps both, and the lifetime goes on with the answer", async () => {
    const { lifetime, approval } = await begin("review");
    const value = { text: "a better tale" };
    const answered = await as("reader-key", `${approval}:approve`, { value, comment: "shorter" });
    expect(answered).toMatchObject({ status: 200, body: { outcome: "approved", votes: 1, quorum: 1 } });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", output: [{ result: [value] }] });
    expect((await send("GET", approval)).body).toMatchObject({
      status: "APPROVED",
      subject: { text: "a tale", by: "eve" },
      value,
      answered_by: "reader",
      comment: "shorter",
      votes: [{ by: "reader", comment: "shorter" }],
    });
  });

  test("takes the first of two answers at once; the other is told which it was", async () => {
    const { lifetime, approval } = await begin("review");
    const answers = await Promise.all([
      as("reader-key", `${approval}:approve`, { value: { text: "yes" } }),
      as("operator-key", `${approval}:reject`, { comment: "no" }),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const late = answers.find(({ status }) => status === 409);
    expect(late?.body).toMatchObject({ code: "approval_closed" });
    expect(late?.body.detail).toMatch(/it is (APPROVED by reader|REJECTED by operator) since/);
    const { body } = await send("GET", approval);
    expect(["APPROVED", "REJECTED"]).toContain(body.status);
    await end(lifetime);
  });

  test("is refused an answer after a cancel, and shown as WITHDRAWN", async () => {
    const { lifetime, approval } = await begin("review");
    await send("POST", `${lifetime}:cancel`, { json: {} });
    const late = await as("admin-key", `${approval}:approve`, { value: { text: "" } });
    expect(late).toMatchObject({ status: 409, body: { code: "approval_closed" } });
    expect((await send("GET", approval)).body).toMatchObject({ status: "WITHDRAWN" });
  });

  test("with the same key is answered once, however often it is sent", async () => {
    const { approval } = await begin("review");
    const value = { text: "k" };
    const once = await as("reader-key", `${approval}:approve`, { value }, "a1");
    const again = await as("reader-key", `${approval}:approve`, { value }, "a1");
    expect([once, again].map(({ status }) => status)).toEqual([200, 200]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
  });

  test("that is answered while its lifetime is paused keeps the key with the lifetime, and not for ever", async () => {
    const { lifetime, approval } = await begin("review");
    await send("POST", `${lifetime}:pause`, { json: {} });
    await as("reader-key", `${approval}:approve`, { value: { text: "p" } }, "held");
    const kept = await runInDurableObject(env.TENANTS.getByName("approvals/0"), (_, { storage }) =>
      ["signal_keys", "idempotency"].map(
        (table) => storage.sql.exec(`SELECT key FROM ${table} WHERE key = 'held'`).toArray().length,
      ),
    );
    expect(kept).toEqual([1, 0]);
  });

  test("with the same key by somebody else is no repetition, and does not look as if it had counted", async () => {
    const { approval } = await begin("committee");
    expect((await as("operator-key", `${approval}:approve`, {}, "both")).body).toMatchObject({ votes: 1 });
    const other = await as("admin-key", `${approval}:approve`, {}, "both");
    expect(other).toMatchObject({ body: { code: "idempotency_conflict" } });
    expect((await as("admin-key", `${approval}:approve`, {}, "mine")).body).toMatchObject({ votes: 2 });
  });

  test("that is rejected goes the way of a failure, with the comment", async () => {
    const { lifetime, id, approval } = await begin("review");
    await as("operator-key", `${approval}:reject`, { comment: "dull" });
    await end(lifetime);
    const { body } = await send("GET", `${TENANT}/executions?lifetime=${id}&node=review`);
    expect(body.items).toMatchObject([{ status: "REJECTED", error: "rejected: rejected by operator: dull" }]);
  });

  test("is refused what its schema does not accept, with the fields, and goes on being open", async () => {
    const { approval } = await begin("review");
    const wrong = await as("reader-key", `${approval}:approve`, { value: { text: 1 } });
    expect(wrong).toMatchObject({
      status: 422,
      body: { code: "answer_invalid", fields: [{ path: "text", detail: expect.stringMatching(/string/) }] },
    });
    expect((await send("GET", approval)).body.status).toBe("OPEN");
  });

  test("waits for its quorum, of voices that may be passed on", async () => {
    const { lifetime, approval } = await begin("committee");
    expect(await as("reader-key", `${approval}:approve`)).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
    expect((await as("operator-key", `${approval}:approve`)).body).toMatchObject({
      outcome: "open",
      votes: 1,
    });
    expect(await as("operator-key", `${approval}:approve`)).toMatchObject({
      status: 409,
      body: { code: "approval_conflict" },
    });
    await as("admin-key", `${approval}:delegate`, { to: "reader" });
    expect((await as("admin-key", `${approval}:approve`)).status).toBe(409);
    expect((await as("reader-key", `${approval}:approve`)).body).toMatchObject({ outcome: "approved" });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    expect((await send("GET", approval)).body).toMatchObject({
      votes: [{ by: "operator" }, { by: "reader" }],
      delegations: [{ from: "admin", to: "reader" }],
    });
  });
});

test("an approval outlives a restart, with its votes and its due time", async () => {
  const dot = `digraph brief {
    begin [type=plan kind=parallel]
    ask [type=task kind=human title="Now?" who=reader due="700ms" on_expiry=approve expiry_answer="in time"]
    begin -> ask
  }`;
  await send("POST", `${TENANT}/graphs`, { json: { dot } });
  const [voted, brief] = [await begin("committee"), await begin("brief")];
  await as("operator-key", `${voted.approval}:approve`);
  await abortAllDurableObjects();
  expect((await as("admin-key", `${voted.approval}:approve`)).body).toMatchObject({
    outcome: "approved",
    votes: 2,
  });
  expect(await end(brief.lifetime)).toMatchObject({ status: "SUCCEEDED", output: [{ result: "in time" }] });
  const { body } = await send("GET", brief.approval);
  expect(body).toMatchObject({ status: "APPROVED", on_expiry: "approve", votes: [] });
  expect(body).not.toHaveProperty("answered_by");
});

describe("while an approval is open, its lifetime", () => {
  test("may be paused: an answer counts, and what follows waits until it is resumed", async () => {
    const { lifetime, approval } = await begin("review");
    await send("POST", `${lifetime}:pause`, { json: {} });
    const answered = await as("reader-key", `${approval}:approve`, { value: { text: "later" } });
    expect(answered).toMatchObject({ status: 200, body: { outcome: "approved" } });
    expect((await send("GET", lifetime)).body).toMatchObject({ status: "PAUSED" });
    await send("POST", `${lifetime}:resume`);
    expect(await end(lifetime)).toMatchObject({ output: [{ result: [{ text: "later" }] }] });
  });

  test("may fail and be retried: people are asked anew, and nothing that ran is run again", async () => {
    const dot = `digraph shaky {
      begin [type=plan kind=parallel]; join [type=plan kind=parallel end=true]
      ask [type=task kind=human title="Now?" who=reader]; veto [type=task kind=human title="Stop?" who=reader]
      keep [type=task kind=transform expression="1"]
      begin -> { ask veto keep } -> join
    }`;
    await send("POST", `${TENANT}/graphs`, { json: { dot } });
    const { lifetime, id, approval } = await begin("shaky");
    const items = async (query: string) => (await send("GET", `${TENANT}/${query}`)).body.items;
    const kept = () => items(`executions?lifetime=${id}&node=keep`);
    await expect.poll(kept).toHaveLength(1);
    const [{ approval: veto }] = await items(`approvals?lifetime=${id}&node=veto`);
    await as("reader-key", `${TENANT}/approvals/${veto}:reject`);
    expect(await end(lifetime)).toMatchObject({ status: "FAILED", reason: { code: "node_failed" } });
    expect((await send("GET", approval)).body.status).toBe("WITHDRAWN");
    await send("POST", `${lifetime}:retry`, { json: {} });
    expect((await as("reader-key", `${approval}:approve`)).status).toBe(409);
    const open = await items(`approvals?lifetime=${id}&status=OPEN`);
    expect(open.map(({ node }: { node: string }) => node).sort()).toEqual(["ask", "veto"]);
    for (const anew of open) await as("reader-key", `${TENANT}/approvals/${anew.approval}:approve`);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    expect(await kept()).toHaveLength(1);
  });

  test("may go on without it: who lost a race is asked no more", async () => {
    const dot = `digraph race {
      begin [type=plan kind=parallel]; won [type=plan kind=parallel join="first: 1" end=true]
      ask [type=task kind=human title="Faster?" who=reader]
      run [type=task kind=wait signal=go]
      begin -> { ask run } -> won
    }`;
    await send("POST", `${TENANT}/graphs`, { json: { dot } });
    const { lifetime, approval } = await begin("race");
    await send("POST", `${lifetime}:signal`, { json: { name: "go", value: "first" } });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED", output: [{ result: ["first"] }] });
    expect((await as("reader-key", `${approval}:approve`)).body).toMatchObject({ code: "approval_closed" });
    expect((await send("GET", approval)).body.status).toBe("WITHDRAWN");
  });
});

describe("approvals", () => {
  test("are listed by status, lifetime and node, the newest first, in pages", async () => {
    const [one, two] = [await begin("review"), await begin("review")];
    await as("reader-key", `${one.approval}:reject`);
    const listed = async (query: string) => {
      const { body } = await send("GET", `${TENANT}/approvals?${query}`);
      return body.items.map(({ lifetime }: { lifetime: string }) => lifetime);
    };
    expect(await listed(`lifetime=${one.id}`)).toEqual([one.id]);
    expect(await listed(`lifetime=${one.id}&status=OPEN`)).toEqual([]);
    expect(await listed(`node=review&status=OPEN`)).toContain(two.id);
    const { body } = await send("GET", `${TENANT}/approvals?limit=1`);
    expect(body.items).toMatchObject([{ lifetime: two.id }]);
    const { body: rest } = await send("GET", `${TENANT}/approvals?limit=1&cursor=${body.next_cursor}`);
    expect(rest.items).toMatchObject([{ lifetime: one.id }]);
  });

  test("that are not there are 404, whatever their id looks like", async () => {
    for (const id of ["nobody", "nobody:1:2", "a:b:c", `${(await begin("review")).id}:2:99999`]) {
      expect((await send("GET", `${TENANT}/approvals/${id}`)).status).toBe(404);
      expect(await as("admin-key", `${TENANT}/approvals/${id}:approve`)).toMatchObject({
        status: 404,
        body: { code: "approval_not_found" },
      });
    }
  });
});

describe("a policy that requires approval", () => {
  const SPEND = `digraph spend {
    begin [type=plan kind=parallel]; join [type=plan kind=parallel end=true]
    pay [type=task kind=transform expression="{'paid': input.amount}" on_failure=route]
    note [type=task kind=transform expression="'noted'"]
    begin -> { pay note } -> join
  }`;
  beforeAll(async () => {
    await send("POST", `${TENANT}/graphs`, { json: { dot: SPEND } });
    const stored = await send("PUT", `${TENANT}/policies/large`, {
      json: {
        name: "large",
        scope: { graph: "spend", node: "pay" },
        on: "task_input",
        when: "input.value.amount > 100",
        action: "REQUIRE_APPROVAL",
        message: "more than 100 is for two eyes",
        approval: { who: ["reader", "role:admin"], due: "1h", on_expiry: "abort" },
      },
    });
    expect(stored.status).toBe(201);
  });

  const asked = async (lifetime: string) => {
    const { body } = await send("GET", lifetime);
    const [waits] = body.why.inputs.filter(({ approval }: { approval?: string }) => approval);
    return { status: body.status, node: waits?.node, approval: `${TENANT}/approvals/${waits?.approval}` };
  };
  const spend = async (amount: number) => {
    const { body } = await send("POST", `${TENANT}/graphs/spend/lifetimes`, { json: { input: { amount } } });
    return `${TENANT}/lifetimes/${body.lifetime}`;
  };

  test("holds the input until it is approved, with what was changed, and lets the rest go on", async () => {
    const lifetime = await spend(500);
    await expect.poll(async () => (await asked(lifetime)).status).toBe("WAITING");
    const { node, approval } = await asked(lifetime);
    expect(node).toBe("pay");
    expect((await send("GET", approval)).body).toMatchObject({
      policies: ["large"],
      title: "large: more than 100 is for two eyes",
      subject: { amount: 500 },
    });
    expect((await as("reader-key", `${approval}:approve`, { value: { amount: 50 } })).body).toMatchObject({
      outcome: "approved",
    });
    expect(await end(lifetime)).toMatchObject({
      status: "SUCCEEDED",
      steps: 4,
      output: [{ result: [{ paid: 50 }, "noted"] }],
    });
    expect((await send("GET", approval)).body).toMatchObject({
      subject: { amount: 500 },
      value: { amount: 50 },
      answered_by: "reader",
    });
  });

  test("does not ask for the same approval twice, though what it was changed to matches as well", async () => {
    const lifetime = await spend(500);
    const { approval } = await asked(lifetime);
    expect(await as("admin-key", `${approval}:approve`, { value: { amount: 900 } })).toMatchObject({
      status: 200,
    });
    expect(await end(lifetime)).toMatchObject({ output: [{ result: [{ paid: 900 }, "noted"] }] });
    const id = lifetime.split("/").at(-1);
    expect((await send("GET", `${TENANT}/approvals?lifetime=${id}`)).body.items).toHaveLength(1);
  });

  test("records what was rejected as REJECTED, and asks nothing where it does not match", async () => {
    const lifetime = await spend(101);
    const { approval } = await asked(lifetime);
    await as("reader-key", `${approval}:reject`, { comment: "too much" });
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
    const id = lifetime.split("/").at(-1);
    const { body } = await send("GET", `${TENANT}/executions?lifetime=${id}&node=pay`);
    expect(body.items).toMatchObject([
      { status: "REJECTED", error: "rejected: rejected by reader: too much" },
    ]);
    expect(await end(await spend(100))).toMatchObject({ output: [{ result: [{ paid: 100 }, "noted"] }] });
  });
});
