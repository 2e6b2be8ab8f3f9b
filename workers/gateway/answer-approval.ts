/** The one way to an answer, with a key or by a link; who comes too late is told what became of it. */
import { parseApprovalId } from "../../src/control-plane/ids.ts";
import type { Answer, ApprovalAnswer, ApprovalRequest } from "../../src/control-plane/tenant.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { Approval } from "../data-plane/approval-list.ts";
import { Queries } from "../data-plane/queries.ts";
import { objectOfLifetime } from "./address.ts";
import { closedWords } from "./approval-json.ts";
import { readProjected } from "./list.ts";

export const noApproval = (approval: string) =>
  reject("approval_not_found", `no approval ${approval} in this tenant`);

export const findApproval = async (env: Env, tenant: string, approval: string): Promise<Answer<Approval>> => {
  const read = await readProjected(env, tenant, (queries) => queries.getApproval(tenant, approval));
  if (!read.ok) return read;
  return read.value ? ok(read.value) : noApproval(approval);
};

export const answerApproval = async (
  env: Env,
  tenant: string,
  request: ApprovalRequest,
): Promise<Answer<ApprovalAnswer>> => {
  const { approval } = request;
  const parsed = parseApprovalId(approval);
  if (parsed === undefined) return noApproval(approval);
  const answered = await objectOfLifetime(env, tenant, parsed.lifetime).answerApproval(request);
  if (answered.ok || !["approval_closed", "approval_not_found"].includes(answered.error.code))
    return answered;
  // The object may have forgotten it. The refusal stands also where D1 does not answer.
  const row = await closedRow(env, tenant, approval).catch(() => undefined);
  return row ? reject("approval_closed", closedWords(row)) : answered;
};

const closedRow = async (env: Env, tenant: string, approval: string): Promise<Approval | undefined> => {
  const found = await findApproval(env, tenant, approval);
  const row = found.ok ? found.value : await new Queries(env.DB).getApproval(tenant, approval);
  return row?.status === "OPEN" ? undefined : row;
};
