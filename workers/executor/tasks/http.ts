/** Sends the requests of tasks `http`: each hop checked, the answer read no further than its bound. */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { NodeError, TerminalError } from "../../../src/executor/failure.ts";
import { hostsOf, refusalOf } from "../../../src/executor/http/address.ts";
import { readRetryAfter } from "../../../src/executor/http/retry-after.ts";
import { defineTask } from "../../../src/executor/node.ts";
import {
  HTTP,
  type HttpRequest,
  httpSettings,
  redirectOf,
  requestOf,
  resultOf,
  shown,
  statusError,
} from "../../../src/executor/tasks/http.ts";
import { HTTP_EXCERPT_BYTES_MAX, HTTP_REDIRECTS_MAX } from "../../../src/limits.ts";

interface Way {
  readonly hosts: ReadonlySet<string>;
  readonly signal: AbortSignal;
}

export const http = defineTask(HTTP, {
  // Whatever arrives is JSON already.
  input: z.custom<JsonValue>(),
  output: z.unknown(),
  settings: httpSettings,
  run: async (input, ctx) => {
    const results = ctx.upstream.map(({ value }) => value);
    const request = requestOf(ctx.settings, { input, parameters: ctx.parameters, results });
    if (!request.ok) throw new NodeError("invalid_input", request.error);
    const headers = {
      ...request.value.headers,
      "idempotency-key": ctx.idempotencyKey,
      ...(ctx.traceParent !== undefined && { traceparent: ctx.traceParent }),
    };
    const hosts = hostsOf(String(ctx.env.ESCAPEMENT_HTTP_HOSTS ?? ""));
    const { url, response } = await send({ ...request.value, headers }, { hosts, signal: ctx.signal });
    const asked = shown(request.value.method, url);
    if (!response.ok) {
      const { text } = await read(response, HTTP_EXCERPT_BYTES_MAX, asked);
      const retryAfter = readRetryAfter(response.headers.get("retry-after"), Date.now());
      throw statusError(response.status, `${asked}: ${text.replace(/\s+/g, " ")}`, retryAfter);
    }
    const { bytes_max } = ctx.settings;
    const { text, whole } = await read(response, bytes_max, asked);
    if (!whole) {
      const detail = `the answer to ${asked} has more than ${bytes_max} bytes; raise bytes_max, or ask for less`;
      throw new NodeError("result_too_large", detail);
    }
    return resultOf(response.status, (name) => response.headers.get(name), text, ctx.settings);
  },
});

const send = async ({ url: text, ...request }: HttpRequest, { hosts, signal }: Way) => {
  let url = new URL(text);
  for (let hops = 0; hops <= HTTP_REDIRECTS_MAX; hops++) {
    const refusal = refusalOf(url, hosts);
    if (refusal !== undefined) throw new TerminalError(`a request to ${url.origin} is refused: ${refusal}`);
    const asked = shown(request.method, url);
    const response = await fetch(url, { ...request, redirect: "manual", signal }).catch((cause) =>
      unreachable(asked, cause),
    );
    const next = redirectOf(url, request.method, response.status, response.headers.get("location"));
    if (next === undefined) return { url, response };
    await response.body?.cancel();
    url = next;
  }
  throw new TerminalError(`${shown(request.method, url)}: more than ${HTTP_REDIRECTS_MAX} redirects`);
};

const unreachable = (asked: string, cause: unknown): never => {
  throw new NodeError("unreachable", `${asked}: ${cause instanceof Error ? cause.message : String(cause)}`);
};

/** The text of an answer, or the beginning of one that has more bytes than the bound. */
const read = async (
  { body }: Response,
  bytesMax: number,
  asked: string,
): Promise<{ text: string; whole: boolean }> => {
  const decoder = new TextDecoder();
  let text = "";
  let room = bytesMax;
  try {
    // Leaving the loop cancels the body, else the connection would stay open until all of it was read.
    for await (const chunk of body ?? []) {
      text += decoder.decode(chunk.subarray(0, room), { stream: true });
      room -= chunk.byteLength;
      if (room < 0) return { text, whole: false };
    }
    return { text: text + decoder.decode(), whole: true };
  } catch (cause) {
    return unreachable(asked, cause);
  }
};
