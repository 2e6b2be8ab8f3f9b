/**
 * Looks back over the log with a policy, a slice at a time: the next is only begun when the reader has taken what
 * the one before said, and everything else of the object goes on in between.
 */
import { type PolicyDocument, policyOf } from "../../src/guardrails/document.ts";
import { Rule } from "../../src/guardrails/policy-set.ts";
import { Replay } from "../../src/guardrails/replay.ts";
import type { Flip } from "../../src/guardrails/replayed-life.ts";
import type { Spent } from "../../src/guardrails/tally.ts";
import { BACKTEST_SLICE_BYTES, BACKTEST_SLICE_RECORDS } from "../../src/limits.ts";
import { type LogRecord, messageOf } from "../../src/topics/record.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import type { Parts } from "./sql-store.ts";

export interface BacktestRequest {
  readonly backtest: {
    readonly document: PolicyDocument;
    /** Milliseconds since the epoch. */
    readonly from?: number | undefined;
    readonly until?: number | undefined;
  };
}

const LOOKED_AT: readonly LogRecord["type"][] = [
  "lifetime_started",
  "input",
  "execution",
  "verdict",
  "lifetime_ended",
  "lifetime_retried",
];

const encoder = new TextEncoder();

/** JSON, a line each: flips as lifetimes end, progress after each slice, and in the end all of it together. */
export const backtest = (
  parts: Parts,
  tenant: string,
  { document, from = 0, until = Number.MAX_SAFE_INTEGER }: BacktestRequest["backtest"],
): ReadableStream<Uint8Array> => {
  const { log, graphs } = parts;
  const replay = new Replay(new Rule(policyOf(document), 0), {
    tenant,
    node: (graph, version, name) => graphs.index(graph, version).node(name),
    messageAt: (offset) => {
      const message = messageOf(log.get(offset));
      if (message === undefined) throw new Error("it is in the log no more");
      return message;
    },
    from,
    until,
  });
  const first = log.first;
  const end = log.tail;
  let next = first;
  const slice = (): string[] => {
    const { records } = log.read(LOOKED_AT, undefined, next, BACKTEST_SLICE_RECORDS, BACKTEST_SLICE_BYTES);
    const lines: string[] = [];
    let over = records.length === 0;
    for (const record of records) {
      over = record.offset >= end || record.at >= until;
      if (over) break;
      next = record.offset + 1;
      const flip = replay.take(record);
      if (flip) lines.push(flipLine(flip));
    }
    if (!over) return [...lines, line({ progress: { offset: next - 1, until: end - 1 } })];
    for (const flip of replay.rest()) lines.push(flipLine(flip));
    const { lifetimes, executions, flips, saved } = replay;
    const done = { first_offset: first, offset: next - 1, lifetimes, executions, flips, saved: shown(saved) };
    next = end;
    return [...lines, line({ done })];
  };
  return new ReadableStream({
    async pull(controller) {
      // Whatever waits for the object's thread goes first.
      await scheduler.wait(0);
      const lines = slice();
      controller.enqueue(encoder.encode(lines.join("")));
      if (lines.at(-1)?.startsWith('{"done"')) controller.close();
    },
  });
};

const line = (value: object): string => `${JSON.stringify(value)}\n`;

const flipLine = ({ at, saved, ...flip }: Flip): string =>
  line({ flip: { ...flip, at: isoOf(at), saved: shown(saved) } });

const shown = (saved: Spent) => ({ tokens: saved.tokens_in + saved.tokens_out, ...saved });
