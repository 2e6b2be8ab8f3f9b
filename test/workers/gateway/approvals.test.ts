// Without this, people could be asked nothing, answer for others or twice, or see another thing than they agreed to.
import { beforeAll, describe, expect, test } from "vitest";
import { send } from "./client.ts";

const TENANT = "/v1/tenants/approvals";

const REVIEW = `digraph review {
  begin [type=plan kind=parallel]; next [type=plan kind=parallel end=true]
  review [type=task kind=human on_failure=route title="Publish \${input.text}?" description="by \${input.by}"
          who="reader, operator, role:admin"
          schema="{\\"type\\": \\"object\\", \\"required\\": [\\"text\\"], \\"properties\\": {\\"text\\": {\\"type\\": \\"string\\"}}}"]
  begin -> review -> next
}`;
const COMMITTEE = `digraph committee {
  begin [type=plan kind=parallel]
  vote [type=task kind=human title="Go?" who="role:operator" quorum=2]
  begin -> vote
}`;

const begin = async (graph: string, input: unknown = { text: "a tale", by: "eve" }) => {
  const { body } = await send("POST", `${TENANT}/graphs/${graph}/lifetimes`, { json: { input } });
  const lifetime = `${TENANT}/lifetimes/${body.lifetime}`;
  const { body: asked } = await send("GET", lifetime);
  return { lifetime, id: body.lifetime, approval: `${TENANT}/approvals/${asked.why.inputs[0].approval}` };
};

const end = async (lifetime: string) => (await send("GET", `${lifetime}?wait=20s`)).body;

const as = (key: string, path: string, json: unknown = {}, idempotency?: string) =>
  send("POST", path, { key, json, ...(idempotency && { headers: { "idempotency-key": idempotency } }) });

beforeAll(async () => {
  await send("PUT", TENANT);
  for (const dot of [REVIEW, COMMITTEE])
    expect((await send("POST", `${TENANT}/graphs`, { json: { dot } })).body).toMatchObject({
      status: "ACTIVE",
    });
});

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
