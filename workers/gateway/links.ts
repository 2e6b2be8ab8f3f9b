/**
 * Answers of people without a key, by a link that was made for them. A GET shows what is asked and never acts; a
 * POST answers, once: everybody has one voice, so a link that was used has none left.
 */
import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import type { Context } from "hono";
import { APPROVAL_COMMENT_CHARS_MAX } from "../../src/limits.ts";
import type { Rejection } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { answerApproval, findApproval } from "./answer-approval.ts";
import type { GatewayEnv } from "./api.ts";
import { closedWords } from "./approval-json.ts";
import { approving } from "./approvals.ts";
import { readBody, readJson } from "./body.ts";
import { approvalPage, type Filled, messagePage, pageHeaders } from "./link-page.ts";
import { type Link, readLink } from "./link-token.ts";
import { problemOfThrown } from "./problem.ts";

const page = (description: string) => ({
  description,
  content: { "text/html": { schema: { type: "string" as const } } },
});

const pages = {
  200: page("What is asked, or that the answer counts"),
  403: page("This person may not answer"),
  404: page("Nothing that was signed here"),
  409: page("It was answered before, or is closed"),
  410: page("The link has expired"),
  422: page("The answer is not one that is asked for; the form again"),
  503: page("Not now; try again"),
};

/** Not as a schema to check by: what is no token is a page like any other that is not there. */
const parameters = [
  { name: "token", in: "path" as const, required: true, schema: { type: "string" as const } },
];

const showLink = createRoute({
  method: "get",
  path: "/links/{token}",
  summary: "What the holder of a link is asked, as a page; never acts",
  parameters,
  responses: pages,
});

const followLink = createRoute({
  method: "post",
  path: "/links/{token}",
  summary: "The answer of the holder of a link, as a form",
  parameters,
  responses: pages,
});

type Status = keyof typeof pages;
type Page = ReturnType<typeof messagePage>;

const respond = async (c: Context<GatewayEnv>, status: Status, make: (nonce: string) => Page) => {
  const nonce = crypto.randomUUID();
  return c.body(String(await make(nonce)), status, pageHeaders(nonce));
};

const TITLE: Readonly<Record<Exclude<Status, 200 | 422>, string>> = {
  403: "This is not for you to answer",
  404: "This link is not valid",
  409: "This has been answered",
  410: "This link has expired",
  503: "Not now",
};

const say = (c: Context<GatewayEnv>, status: keyof typeof TITLE, detail: string) =>
  respond(c, status, (nonce) => messagePage(nonce, TITLE[status], detail));

const STATUS: Partial<Record<Rejection["code"], keyof typeof TITLE>> = {
  approval_not_found: 404,
  tenant_not_found: 404,
  approval_closed: 409,
  approval_conflict: 409,
  tenant_deleting: 409,
  forbidden: 403,
};

const refuse = (c: Context<GatewayEnv>, { code, detail }: Rejection) =>
  say(c, STATUS[code] ?? 503, `${detail}.`);

const MAKE_ANOTHER = "Ask whoever sent it to you for another one.";

/** The link, or the page that says why there is none. */
const linkOf = async (c: Context<GatewayEnv>): Promise<Result<Link, Response>> => {
  const link = readLink(c.env.ESCAPEMENT_KEYS, c.req.param("token") ?? "");
  if (link === undefined) return { ok: false, error: await say(c, 404, MAKE_ANOTHER) };
  if (link.expires <= Date.now()) return { ok: false, error: await say(c, 410, MAKE_ANOTHER) };
  return ok(link);
};

const filledIn = async (c: Context<GatewayEnv>): Promise<Result<Filled & { verdict: string }, Rejection>> => {
  const read = await readBody(c.req.raw);
  if (!read.ok) return read;
  const form = new URLSearchParams(new TextDecoder().decode(read.value));
  const text = (name: string) => form.get(name) ?? "";
  return ok({ verdict: text("verdict"), value: text("value"), comment: text("comment") });
};

const ballotOf = ({ verdict, value }: Filled & { verdict: string }) => {
  if (verdict === "reject") return ok({ type: "reject" as const });
  if (value.trim() === "") return approving(undefined);
  const json = readJson(new TextEncoder().encode(value));
  return json.ok ? approving(json.value) : json;
};

const show = async (c: Context<GatewayEnv>) => {
  const link = await linkOf(c);
  if (!link.ok) return link.error;
  const { tenant, approval, who } = link.value;
  const found = await findApproval(c.env, tenant, approval);
  if (!found.ok) return refuse(c, found.error);
  const { value: row } = found;
  if (row.status !== "OPEN") return say(c, 409, `${closedWords(row)}.`);
  const voted = row.votes?.some(({ by }) => by === who);
  if (voted) return say(c, 409, `${who} has answered already; others still have to.`);
  return respond(c, 200, (nonce) => approvalPage(nonce, row, who));
};

const follow = async (c: Context<GatewayEnv>) => {
  const link = await linkOf(c);
  if (!link.ok) return link.error;
  const { tenant, approval, who, from } = link.value;
  const filled = await filledIn(c);
  if (!filled.ok) return refuse(c, filled.error);
  const { verdict, comment } = filled.value;
  const again = async (fault: string) => {
    const found = await findApproval(c.env, tenant, approval);
    if (!found.ok) return refuse(c, found.error);
    return respond(c, 422, (nonce) =>
      approvalPage(nonce, found.value, who, { filled: filled.value, fault: `${fault}.` }),
    );
  };
  if (verdict !== "approve" && verdict !== "reject") return again("Say whether you approve or reject it");
  if (comment.length > APPROVAL_COMMENT_CHARS_MAX) return again("The comment is too long");
  const ballot = ballotOf(filled.value);
  if (!ballot.ok) return again(ballot.error.detail);
  const voter = { name: who, roles: [], via: `link from ${from}` };
  const answered = await answerApproval(c.env, tenant, {
    approval,
    voter,
    ballot: ballot.value,
    ...(comment !== "" && { comment }),
  });
  if (!answered.ok)
    return answered.error.code === "answer_invalid"
      ? again(answered.error.detail)
      : refuse(c, answered.error);
  const { outcome, votes, quorum } = answered.value;
  const detail =
    outcome === "open" ? `${votes} of ${quorum} needed have agreed so far.` : `It is ${outcome}.`;
  return respond(c, 200, (nonce) => messagePage(nonce, "Your answer counts", detail));
};

/** Also when something is thrown, a person gets a page: the log has the rest. */
const guarded = (answer: (c: Context<GatewayEnv>) => Promise<Response>) => (c: Context<GatewayEnv>) =>
  answer(c).catch((thrown) => {
    problemOfThrown(thrown, c);
    return say(c, 503, "Something went wrong here; try again.");
  });

export const links = new OpenAPIHono<GatewayEnv>();
links.openapi(showLink, guarded(show));
links.openapi(followLink, guarded(follow));
