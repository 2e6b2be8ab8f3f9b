/**
 * The events of a lifetime that its object has forgotten, as far as D1 keeps them: its start, its executions and
 * its end. It has ended long ago, so nothing is added while they are read.
 */
import type { Answer } from "../../src/control-plane/tenant.ts";
import { executionJson } from "../../src/data-plane/execution-json.ts";
import { CATCH_UP_RECORDS_MAX } from "../../src/limits.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { frame } from "../../src/stream/frame.ts";
import { isoOf } from "../../src/wire/timestamp.ts";
import { type LifetimeRow, Queries } from "../data-plane/queries.ts";

const startFrame = ({ started, lifetime, graph, graphVersion, labels, startedAt }: LifetimeRow): string =>
  frame(started, "lifetime_started", {
    lifetime,
    graph,
    graph_version: graphVersion,
    labels,
    started_at: isoOf(startedAt),
  });

const endFrame = ({
  ended,
  lifetime,
  status,
  reasonCode,
  reasonDetail,
  endedAt,
  steps,
  outcomes,
}: LifetimeRow) =>
  frame(ended, "lifetime_ended", {
    lifetime,
    status,
    ...(reasonCode !== null && { reason: { code: reasonCode, detail: reasonDetail ?? "" } }),
    ended_at: isoOf(endedAt ?? 0),
    steps,
    outcomes,
  });

export const storedEvents = async (
  env: Env,
  tenant: string,
  lifetime: string,
  after: number,
): Promise<Answer<ReadableStream<Uint8Array> | undefined>> => {
  const queries = new Queries(env.DB);
  const row = await queries.lifetimeRow(tenant, lifetime);
  if (row === undefined || row.ended === 0)
    return reject("lifetime_not_found", `no lifetime ${lifetime} in this tenant`);
  if (after >= row.ended) return ok(undefined);
  let next: { offset: number } | undefined = { offset: after };
  const started = after < row.started ? startFrame(row) : "";
  const pull = async (controller: ReadableStreamDefaultController<string>) => {
    const page = await queries.timeline(tenant, lifetime, { limit: CATCH_UP_RECORDS_MAX, after: next });
    const executions = page.items.map((each) =>
      frame(each.offset, `${each.kind}_execution`, executionJson(each)),
    );
    controller.enqueue(
      `${next?.offset === after ? started : ""}${executions.join("")}${page.next ? "" : endFrame(row)}`,
    );
    next = page.next;
    if (next === undefined) controller.close();
  };
  return ok(new ReadableStream<string>({ pull }).pipeThrough(new TextEncoderStream()));
};
