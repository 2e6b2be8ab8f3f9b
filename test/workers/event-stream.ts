// Server-sent events as a client reads them.
import { EventSourceParserStream } from "eventsource-parser/stream";
import type { StreamRequest, TenantRpc } from "../../src/control-plane/tenant.ts";
import type { Rejection } from "../../src/rejection.ts";

/** The stream of an object, or why there is none. */
export const askEvents = async (object: Pick<TenantRpc, "fetch">, request: StreamRequest = {}) => {
  const body = JSON.stringify(request);
  const response = await object.fetch(new Request("http://object/", { method: "POST", body }));
  return response.body && response.ok ? response.body : { error: await response.json<Rejection>() };
};

export const streamOf = async (object: Pick<TenantRpc, "fetch">, request?: StreamRequest) => {
  const stream = await askEvents(object, request);
  if ("error" in stream) throw new Error(stream.error.detail);
  return stream;
};

export interface Seen {
  readonly id?: string;
  readonly event: string;
  /** Parsed; a test says what it expects of it by looking. */
  readonly data: ReturnType<typeof JSON.parse>;
}

export interface Following {
  /** Up to and with the first that is wanted, or to the end. */
  until(wanted: (seen: Seen) => boolean): Promise<Seen[]>;
  /** Settles when the stream has ended. */
  rest(): Promise<Seen[]>;
  stop(): Promise<void>;
}

/** What was read once is not read again. */
export const follow = (stream: ReadableStream<Uint8Array>): Following => {
  const reader = stream
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream({ onError: "terminate" }))
    .getReader();
  const until = async (wanted: (seen: Seen) => boolean) => {
    const events: Seen[] = [];
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return events;
      const { id, event = "", data } = value;
      const seen = { ...(id !== undefined && { id }), event, data: JSON.parse(data) };
      events.push(seen);
      if (wanted(seen)) return events;
    }
  };
  return { until, rest: () => until(() => false), stop: () => reader.cancel() };
};

export const named = (event: string) => (seen: Seen) => seen.event === event;
