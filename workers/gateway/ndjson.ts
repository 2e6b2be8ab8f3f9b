/**
 * A list as lines of JSON: all that a query finds, read page by page as the caller takes them, so that no more than a
 * page is held. Where it stops before the end its last line is no item, and says at which cursor to go on.
 */
import type { Context, TypedResponse } from "hono";
import { accepts } from "hono/accepts";
import type { Answer } from "../../src/control-plane/tenant.ts";
import { EXPORT_PAGE_ITEMS, EXPORT_PAGES_MAX } from "../../src/limits.ts";
import type { Rejection } from "../../src/rejection.ts";
import { err } from "../../src/result.ts";
import { problem, rejectionOfThrown } from "./problem.ts";

export const NDJSON = "application/x-ndjson";

export interface Paging {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

interface Page {
  readonly items: readonly unknown[];
  readonly next_cursor?: string;
}

export interface Export {
  /** Once D1 has all that was acknowledged. */
  read(paging: Paging): Promise<Answer<Page>>;
  /** Whether what has been read can have been all: asked before the end. */
  still(): Promise<Answer<unknown>>;
}

export const wantsLines = (c: Context): boolean =>
  accepts(c, { header: "Accept", supports: ["application/json", NDJSON], default: "application/json" }) ===
  NDJSON;

/** What is wrong from the beginning is a problem; what fails later is told in the last line. */
export const answerLines = async (c: Context, { limit, cursor }: Paging, source: Export) => {
  const itemsMax = limit ?? EXPORT_PAGES_MAX * EXPORT_PAGE_ITEMS;
  const first = await source.read({ limit: Math.min(itemsMax, EXPORT_PAGE_ITEMS), cursor });
  if (!first.ok) return problem(c, first.error);
  const lines = linesOf(c, first.value, itemsMax, source);
  const headers = { "content-type": NDJSON, "cache-control": "no-store" };
  // Clients of our types ask for JSON, so that is what the type of the route says.
  return c.body(streamOf(lines), 200, headers) as unknown as Response & TypedResponse<never, 200, "json">;
};

const encoder = new TextEncoder();

const encode = (lines: readonly unknown[]): Uint8Array =>
  encoder.encode(lines.map((each) => `${JSON.stringify(each)}\n`).join(""));

/** Nothing is read ahead of the caller, so nothing is left over where one goes away. */
const streamOf = (chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> =>
  new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: async () => {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );

async function* linesOf(
  c: Context,
  first: Page,
  itemsMax: number,
  source: Export,
): AsyncGenerator<Uint8Array> {
  let page = first;
  let left = itemsMax;
  for (let pages = 1; ; pages++) {
    left -= page.items.length;
    if (page.items.length > 0) yield encode(page.items);
    const cursor = page.next_cursor;
    if (cursor === undefined || left === 0 || pages === EXPORT_PAGES_MAX)
      return yield* lastLine(await attempted(c, () => source.still()), cursor);
    const paging = { limit: Math.min(left, EXPORT_PAGE_ITEMS), cursor };
    const next = await attempted(c, () => source.read(paging));
    if (!next.ok) return yield encode([failure(next.error, cursor)]);
    page = next.value;
  }
}

function* lastLine(still: Answer<unknown>, cursor: string | undefined): Generator<Uint8Array> {
  if (!still.ok) yield encode([failure(still.error, cursor)]);
  else if (cursor !== undefined) yield encode([{ next_cursor: cursor }]);
}

/** Without a cursor where all pages were read. */
const failure = ({ code, detail }: Rejection, cursor: string | undefined) => ({
  error: { code, detail, cursor },
});

const attempted = async <T>(c: Context, act: () => Promise<Answer<T>>): Promise<Answer<T>> => {
  try {
    return await act();
  } catch (thrown) {
    return err(rejectionOfThrown(thrown, c).rejection);
  }
};
