// Graphs that ask people, and people who answer, through the worker.
import { expect } from "vitest";
import { send } from "./client.ts";

export const TENANT = "/v1/tenants/approvals";

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

export const begin = async (graph: string, input: unknown = { text: "a tale", by: "eve" }) => {
  const { body } = await send("POST", `${TENANT}/graphs/${graph}/lifetimes`, { json: { input } });
  const lifetime = `${TENANT}/lifetimes/${body.lifetime}`;
  const { body: asked } = await send("GET", lifetime);
  return { lifetime, id: body.lifetime, approval: `${TENANT}/approvals/${asked.why.inputs[0].approval}` };
};

export const end = async (lifetime: string) => (await send("GET", `${lifetime}?wait=20s`)).body;

export const as = (key: string, path: string, json: unknown = {}, idempotency?: string) =>
  send("POST", path, { key, json, ...(idempotency && { headers: { "idempotency-key": idempotency } }) });

/** Before all tests of a file. */
export const provision = async (): Promise<void> => {
  await send("PUT", TENANT);
  for (const dot of [REVIEW, COMMITTEE])
    expect((await send("POST", `${TENANT}/graphs`, { json: { dot } })).body).toMatchObject({
      status: "ACTIVE",
    });
};
