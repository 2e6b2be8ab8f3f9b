/** Counts what the policies of a tenant read, from the records of a step as they are appended; nothing where none does. */
import type { Guard } from "../guardrails/guard.ts";
import { hashOf } from "../guardrails/payload.ts";
import {
  executionRecorded,
  inputIssued,
  type Needs,
  newTenantTally,
  repeated,
  tenantRuns,
  tenantSpent,
} from "../guardrails/tally.ts";
import type { ExecutionRecord, InputRecord, LogRecord } from "../topics/record.ts";
import type { Draft } from "./draft.ts";
import { parseInputId } from "./ids.ts";
import { messagesOf } from "./verdicts.ts";

export const counted = (draft: Draft, record: LogRecord): void => {
  const needs = draft.guard?.policies?.needs;
  if (needs === undefined || draft.guard === undefined) return;
  if (record.type === "input") input(draft, needs, record);
  else if (record.type === "execution") execution(draft, needs, record);
  if (needs.tenant) tenant(draft.guard, record, draft.at);
};

const input = (draft: Draft, needs: Needs, record: InputRecord): void => {
  if (!needs.open && !needs.repeats) return;
  const { head, repeats } = draft.lifetime;
  if (needs.open) head.tally = inputIssued(head.tally ?? {}, needs);
  const { name = "", attempt = 1 } = record.decoded ?? {};
  if (!needs.repeats || attempt > 1) return;
  const { executions } = draft.guard ?? {};
  const hash = hashOf({ ...record, node: name, messageAt: messagesOf(draft), executions });
  if (hash !== undefined) repeats.set(name, repeated(repeats.get(name), hash));
};

const execution = (draft: Draft, needs: Needs, { execution }: ExecutionRecord): void => {
  if (!needs.open && !needs.spent) return;
  const { head, members } = draft.lifetime;
  const phase = members.get(parseInputId(execution?.header?.inputId ?? "")?.n ?? 0)?.phase;
  const wasOpen = phase === "issued" || phase === "waiting";
  head.tally = executionRecorded(head.tally ?? {}, needs, execution?.header?.usage, wasOpen);
};

const tenant = (guard: Guard, record: LogRecord, at: number): void => {
  const tally = guard.tally ?? newTenantTally(0);
  if (record.type === "execution") guard.tally = tenantSpent(tally, record.execution?.header?.usage, at);
  else if (record.type === "lifetime_started" || record.type === "lifetime_retried")
    guard.tally = tenantRuns(tally, 1);
  else if (record.type === "lifetime_ended") guard.tally = tenantRuns(tally, -1);
};
