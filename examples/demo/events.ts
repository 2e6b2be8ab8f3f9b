/** Follows an event stream to its end, also over cuts: it goes on after the last event that was read. */
import { setTimeout as sleep } from "node:timers/promises";
import { EventSourceParserStream } from "eventsource-parser/stream";

export interface StreamEvent {
  readonly id?: string | undefined;
  readonly event?: string | undefined;
  /** JSON. */
  readonly data: string;
}

const RETRY_MS = 200;

/** What a later try may mend: the server is not there, or has no room right now. */
const isPassing = (status: number): boolean => status === 429 || status === 503;

/** Undefined where there is no stream to be had just now. */
const open = async (url: string, key: string, last: string | undefined): Promise<Response | undefined> => {
  const headers = { authorization: `Bearer ${key}`, ...(last !== undefined && { "last-event-id": last }) };
  const response = await fetch(url, { headers }).catch(() => undefined);
  if (response === undefined || isPassing(response.status)) return undefined;
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  return response;
};

export async function* followEvents(url: string, key: string): AsyncGenerator<StreamEvent> {
  let last: string | undefined;
  for (;;) {
    const response = await open(url, key, last);
    // Everything has been read already.
    if (response?.status === 204) return;
    try {
      const events = response?.body
        ?.pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      for await (const event of events ?? []) {
        last = event.id ?? last;
        yield event;
      }
    } catch {
      // The stream was cut.
    }
    await sleep(RETRY_MS);
  }
}
