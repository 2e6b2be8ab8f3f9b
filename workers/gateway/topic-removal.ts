/** What a bridge asks and says before and after it deletes the topics of a tenant that is deleted with them. */
import { z } from "@hono/zod-openapi";
import { objectOf } from "./address.ts";
import { Api, route } from "./api.ts";
import { id, ofTenant, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, jsonBody } from "./responses.ts";

const PATH = `${TENANT}/topic-removal` as const;
const byBridge = z.strictObject({ bridge_id: id });

const claimSchema = z
  .object({
    tenant: z.string(),
    generation: z.int(),
    lasts_ms: z
      .int()
      .openapi({ description: "Afterwards another bridge may begin; claim again before that" }),
  })
  .openapi("TopicClaim");

const claim = route("bridge", {
  method: "post",
  path: PATH,
  summary: "Claim the topics of a tenant that is deleted with them, to delete them",
  request: { params: ofTenant, body: jsonBody(byBridge) },
  responses: { 200: json("They are this bridge's to delete", claimSchema) },
});

const done = route("bridge", {
  method: "delete",
  path: PATH,
  summary: "Say that the topics of a tenant are deleted, as was claimed",
  request: { params: ofTenant, query: byBridge },
  responses: { 204: { description: "So is the tenant" } },
});

export const topicRemoval = new Api()
  .openapi(claim, async (c) => {
    const claimed = await objectOf(c.env, c.req.valid("param").tenant).claimTopics(
      c.req.valid("json").bridge_id,
    );
    return claimed.ok ? c.json(claimed.value, 200) : problem(c, claimed.error);
  })
  .openapi(done, async (c) => {
    const gone = await objectOf(c.env, c.req.valid("param").tenant).topicsDeleted(
      c.req.valid("query").bridge_id,
    );
    return gone.ok ? c.body(null, 204) : problem(c, gone.error);
  });
