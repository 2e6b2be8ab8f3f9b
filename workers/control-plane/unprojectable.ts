/** What D1 never takes is kept as a dead letter, so that it holds up nothing and is not lost. */
import { messageOf } from "../../src/topics/record.ts";
import type { LogLine } from "../log-line.ts";
import { type Parts, writeDeadLetter } from "./sql-store.ts";

export const setAsideRecord = (
  { sql, log }: Parts,
  { offset, detail, at }: { readonly offset: number; readonly detail: string; readonly at: number },
  say: LogLine,
): void => {
  const record = log.get(offset);
  if (record === undefined) return;
  const topic = record.type === "execution" ? `${record.kind}-executions` : record.type;
  const message = messageOf(record) ?? new Uint8Array();
  writeDeadLetter(sql, { at, reason: "unprojectable", detail, topic, message });
  say("error", "record_unprojectable", { offset, topic, detail });
};
