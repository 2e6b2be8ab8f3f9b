/** Ends waits: by a signal that came or was kept, at an instant, or because neither came in time. */
import { payloadOf, VALUE_URL } from "../wire/payload.ts";
import { isoOf } from "../wire/timestamp.ts";
import { concluded, settle } from "./answer.ts";
import { asked } from "./approvals.ts";
import { append, type Draft } from "./draft.ts";
import type { Recalled, SignalReceived } from "./event.ts";
import { inputId } from "./ids.ts";
import { put } from "./issue.ts";
import type { Member } from "./lifetime.ts";
import { recordOutcome, resultOf } from "./outcome.ts";
import { unreserved } from "./reserve.ts";
import { keepSignal, waitingFor } from "./signal.ts";
import { isWaiting } from "./standing.ts";
import { dueOf } from "./wait.ts";

export const signalReceived = (draft: Draft, { name, key, by, value }: SignalReceived): void => {
  const { head } = draft.lifetime;
  const [n, member] = waitingFor(draft.lifetime, name) ?? [];
  const offset = append(draft, {
    type: "signal_received",
    lifetime: head.id,
    name,
    by,
    value,
    ...(key !== undefined && { key }),
    ...(n !== undefined && { input: inputId(head.id, n) }),
  });
  if (n === undefined || member === undefined)
    keepSignal(draft, { name, offset, ...(key !== undefined && { key }) });
  else end(draft, n, member, value);
};

/** What the log had: the value of a kept signal, or the instant that the input gives. */
export const recalled = (draft: Draft, { n, attempt, found }: Recalled): void => {
  const member = draft.lifetime.members.get(n);
  if (member === undefined || !isWaiting(member) || member.attempt !== attempt) return;
  if ("value" in found) end(draft, n, member, found.value);
  else if ("asks" in found) {
    if (member.approval === undefined) asked(draft, n, member, found.asks);
  } else if ("fault" in found)
    settle(draft, n, member, recordOutcome(draft, n, member, "invalid_input", found.fault));
  else put(draft, n, { ...member, waits: found, due: dueOf(found, member.due) });
};

/** Its time is up, and nothing else has ended it. */
export const waitDue = (draft: Draft, n: number, member: Member): void => {
  const { signal, until } = member.waits ?? {};
  if (until !== undefined && until <= draft.at) {
    end(draft, n, member, payloadOf(isoOf(until)).value);
    return;
  }
  const what = signal === undefined ? "it was not over" : `no signal ${JSON.stringify(signal)}`;
  const detail = `${what} within ${draft.graph.node(member.node).timeoutMs} ms`;
  settle(draft, n, member, recordOutcome(draft, n, member, "timed_out", detail));
};

/** With google.protobuf.Value, encoded. */
const end = (draft: Draft, n: number, member: Member, value: Uint8Array): void =>
  concluded(draft, n, unreserved(member), resultOf(draft, n, member, { typeUrl: VALUE_URL, value }));
