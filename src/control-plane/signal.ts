/**
 * Signals: named values that come from outside to the waits of one lifetime, before or after these wait. One
 * signal ends one wait, the one that was issued first. The value of a signal that is kept is in the log.
 */
import type { Draft } from "./draft.ts";
import type { Head, KeptSignal, Lifetime, Member } from "./lifetime.ts";

/** The wait that a signal of this name ends. */
export const waitingFor = ({ members }: Lifetime, name: string): [number, Member] | undefined => {
  let first: [number, Member] | undefined;
  for (const entry of members.entries()) {
    const [, member] = entry;
    if (member.phase !== "waiting" || member.waits?.signal !== name) continue;
    if (first === undefined || member.input < first[1].input) first = entry;
  }
  return first;
};

export const keepSignal = ({ lifetime: { head } }: Draft, signal: KeptSignal): void => {
  head.signals = [...(head.signals ?? []), signal];
};

/** The oldest that is kept under this name; it is kept no more. */
export const takeSignal = (head: Head, name: string): KeptSignal | undefined => {
  const kept = head.signals?.find((signal) => signal.name === name);
  if (kept === undefined) return undefined;
  const rest = head.signals?.filter((signal) => signal !== kept) ?? [];
  if (rest.length > 0) head.signals = rest;
  else delete head.signals;
  return kept;
};
