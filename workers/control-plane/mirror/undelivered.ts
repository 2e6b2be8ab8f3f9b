/** What the broker does not take, as dead letters: one for each log offset and topic, however often it is said. */
import { topicOfWire } from "../../../src/mirror/frame.ts";
import type { Undelivered } from "../../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";
import { type Parts, writeDeadLetter } from "../sql-store.ts";

const FIND = `SELECT 1 FROM dead_letters
  WHERE reason = 'undeliverable' AND partition IS NULL AND kafka_offset = ? AND topic = ?`;

/** Inside the transaction; whether it was not there yet. */
export const buryUndelivered = (
  { sql, log }: Parts,
  { offset: wireOffset, topic: wire, detail, bytes }: Undelivered,
  at: number,
): boolean => {
  const offset = Number(wireOffset);
  const topic = topicOfWire(wire) ?? "";
  if (sql.exec(FIND, offset, topic).toArray().length > 0) return false;
  writeDeadLetter(sql, {
    at,
    reason: "undeliverable",
    detail: `${bytes} bytes of log offset ${offset}: ${detail}`,
    topic,
    message: log.messageAt(offset),
    from: { partition: null, offset },
  });
  return true;
};
