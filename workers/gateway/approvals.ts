/** Approvals: what people are asked, listed and read, and their answers. Who may answer, the approval says. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ApprovalAnswer } from "../../src/control-plane/tenant.ts";
import { asJson } from "../../src/executor/json.ts";
import { duration } from "../../src/graph/validation/readers.ts";
import { type Ballot, mayAnswer, type Voter } from "../../src/guardrails/approval.ts";
import {
  APPROVAL_COMMENT_CHARS_MAX,
  APPROVAL_EDIT_BYTES_MAX,
  APPROVAL_ID_CHARS_MAX,
  APPROVAL_LINK_MS,
  APPROVAL_LINK_MS_MAX,
  JSON_DEPTH_MAX,
  NAME_CHARS_MAX,
} from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Approval } from "../data-plane/approval-list.ts";
import { answerApproval, findApproval } from "./answer-approval.ts";
import { Api, type GatewayEnv, route } from "./api.ts";
import { APPROVAL_STATUSES, approvalJson, approvalSchema, closedWords } from "./approval-json.ts";
import { type Credential, ROLES } from "./auth.ts";
import { idempotencyHeader, keyed } from "./idempotency.ts";
import { linkToken } from "./link-token.ts";
import { listPage, readProjected } from "./list.ts";
import { id, ofTenant, paging, period, periodOf, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { json, jsonBody, pageOf } from "./responses.ts";

const APPROVALS = `${TENANT}/approvals` as const;
export const APPROVAL = `${APPROVALS}/{approval}` as const;

export const ofApproval = ofTenant.extend({ approval: z.string().min(1).max(APPROVAL_ID_CHARS_MAX) });

const ms = duration(1, APPROVAL_LINK_MS_MAX);

const linkTtl = z
  .union([z.string(), z.number()])
  .default(APPROVAL_LINK_MS)
  .transform((value, check) => {
    const read = ms(value);
    if (read.ok) return read.value;
    check.addIssue(`write ${read.error}`);
    return z.NEVER;
  })
  .openapi({ type: "string", example: "2h", description: "How long it may be used; a day by default" });

const comment = z.string().max(APPROVAL_COMMENT_CHARS_MAX).optional();

const answeredSchema = z
  .object({
    approval: z.string(),
    lifetime: z.string(),
    outcome: z
      .enum(["open", "approved", "rejected"])
      .optional()
      .openapi({ description: "Absent where an earlier request with the same key was answered" }),
    votes: z.int().optional().openapi({ description: "Who has agreed so far, of the quorum" }),
    quorum: z.int().optional(),
  })
  .openapi("ApprovalAnswer");

const answered = { 200: json("The answer counts", answeredSchema) };

const listApprovals = route("reader", {
  method: "get",
  path: APPROVALS,
  summary: "Approvals, newest first",
  request: {
    params: ofTenant,
    query: z.strictObject({
      status: z.enum(APPROVAL_STATUSES).optional(),
      lifetime: id.optional(),
      node: id.optional(),
      ...period("opened"),
      ...paging,
    }),
  },
  responses: { 200: json("A page of approvals", pageOf(approvalSchema)) },
});

const getApproval = route("reader", {
  method: "get",
  path: APPROVAL,
  summary: "What is asked, who may answer, and what was answered",
  request: { params: ofApproval },
  responses: { 200: json("The approval", approvalSchema) },
});

const approve = route("reader", {
  method: "post",
  path: `${APPROVAL}:approve`,
  summary: "Agree, as it is or with another value; for those whom the approval names",
  request: {
    params: ofApproval,
    headers: idempotencyHeader,
    body: jsonBody(
      z.strictObject({
        comment,
        value: z.any().optional().openapi({
          description:
            "The answer of a task; of a held input, an object that takes the place of its parameters",
        }),
      }),
    ),
  },
  responses: answered,
});

const rejectApproval = route("reader", {
  method: "post",
  path: `${APPROVAL}:reject`,
  summary: "Reject: the input is recorded as REJECTED, and its node says what follows",
  request: {
    params: ofApproval,
    headers: idempotencyHeader,
    body: jsonBody(z.strictObject({ comment })),
  },
  responses: answered,
});

const delegate = route("reader", {
  method: "post",
  path: `${APPROVAL}:delegate`,
  summary: "Pass the own voice on to somebody else",
  request: {
    params: ofApproval,
    headers: idempotencyHeader,
    body: jsonBody(z.strictObject({ to: z.string().min(1).max(NAME_CHARS_MAX), comment })),
  },
  responses: answered,
});

const linkSchema = z
  .object({
    url: z.string().openapi({ description: "A page that shows what is asked, and takes the answer" }),
    who: z.string(),
    expires_at: z.string().openapi({ format: "date-time" }),
  })
  .openapi("ApprovalLink");

const makeLink = route("admin", {
  method: "post",
  path: `${APPROVAL}:link`,
  summary: "A link by which one person answers once, without a key",
  request: {
    params: ofApproval,
    body: jsonBody(
      z.strictObject({
        who: z
          .string()
          .min(1)
          .max(NAME_CHARS_MAX)
          .openapi({ description: "By name, as the approval has it" }),
        ttl: linkTtl,
      }),
    ),
  },
  responses: { 200: json("Whoever has it may answer as this person", linkSchema) },
});

const voterOf = ({ name, rank }: Credential): Voter => ({ name, roles: ROLES.slice(0, rank + 1) });

/** JSON of a bounded size, because it is kept while others have to agree to it. */
export const approving = (value: unknown): Result<Ballot, Rejection> => {
  if (value === undefined) return ok({ type: "approve" });
  const edit = asJson(value, JSON_DEPTH_MAX);
  if (!edit.ok) return reject("invalid_request", `in the value, ${edit.error}`);
  const bytes = new TextEncoder().encode(JSON.stringify(edit.value)).byteLength;
  return bytes <= APPROVAL_EDIT_BYTES_MAX
    ? ok({ type: "approve", edit: edit.value })
    : reject("input_too_large", `the value has ${bytes} bytes and may have ${APPROVAL_EDIT_BYTES_MAX}`);
};

const shown = ({ replayed: _, outcome, ...answer }: ApprovalAnswer) => ({
  ...answer,
  ...(outcome !== undefined && outcome !== "aborted" && { outcome }),
});

type Answering = Context<
  GatewayEnv,
  string,
  {
    out: {
      param: z.output<typeof ofApproval>;
      header: z.output<typeof idempotencyHeader>;
      json: { comment?: string | undefined };
    };
  }
>;

const respond = async (c: Answering, ballot: Ballot) => {
  const { tenant, approval } = c.req.valid("param");
  const { comment } = c.req.valid("json");
  const credential = c.get("credential");
  const answer = await answerApproval(c.env, tenant, {
    approval,
    voter: voterOf(credential),
    ballot,
    ...keyed(c, credential.name),
    ...(comment !== undefined && { comment }),
  });
  if (!answer.ok) return problem(c, answer.error);
  if (answer.value.replayed) c.header("idempotency-replayed", "true");
  return c.json(shown(answer.value), 200);
};

/** Only for somebody whose answer would count: a link gives nobody a voice. */
const linkRefusal = (row: Approval, who: string): Rejection | undefined => {
  if (row.status !== "OPEN") return { code: "approval_closed", detail: closedWords(row) };
  const may = mayAnswer(
    {
      who: row.who,
      ...(row.votes && { votes: row.votes }),
      ...(row.delegations && { delegations: row.delegations }),
    },
    { name: who, roles: [] },
  );
  return may.ok ? undefined : may.error;
};

const inTime = z.strictObject({ openedAt: z.int(), approval: z.string() });

export const approvals = new Api()
  .openapi(listApprovals, async (c) => {
    const { tenant } = c.req.valid("param");
    const query = c.req.valid("query");
    const { status, lifetime, node } = query;
    const filter = { status, lifetime, node, ...periodOf("opened", query) };
    const listed = await listPage(
      { path: c.req.path, query },
      inTime,
      (page) => readProjected(c.env, tenant, (queries) => queries.listApprovals(tenant, filter, page)),
      approvalJson,
    );
    return listed.ok ? c.json(listed.value, 200) : problem(c, listed.error);
  })
  .openapi(getApproval, async (c) => {
    const { tenant, approval } = c.req.valid("param");
    const found = await findApproval(c.env, tenant, approval);
    return found.ok ? c.json(approvalJson(found.value), 200) : problem(c, found.error);
  })
  .openapi(approve, async (c) => {
    const ballot = approving(c.req.valid("json").value);
    return ballot.ok ? respond(c, ballot.value) : problem(c, ballot.error);
  })
  .openapi(rejectApproval, (c) => respond(c, { type: "reject" }))
  .openapi(makeLink, async (c) => {
    const { tenant, approval } = c.req.valid("param");
    const { who, ttl } = c.req.valid("json");
    const found = await findApproval(c.env, tenant, approval);
    if (!found.ok) return problem(c, found.error);
    const refused = linkRefusal(found.value, who);
    if (refused) return problem(c, refused);
    const expires = Date.now() + ttl;
    const from = c.get("credential").name;
    const token = linkToken(c.env.ESCAPEMENT_KEYS, { tenant, approval, who, from, expires });
    const url = new URL(`/links/${token}`, c.req.url).href;
    return c.json({ url, who, expires_at: isoOf(expires) }, 200);
  })
  .openapi(delegate, (c) => respond(c, { type: "delegate", to: c.req.valid("json").to }));
