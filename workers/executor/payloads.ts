/**
 * Payloads of the inputs and results of one call: read from where they are kept, and put where they will be.
 * What goes wrong with them is an error that a retry rule can name.
 */
import { fromBinary, type JsonValue } from "@bufbuild/protobuf";
import { objectName, partitionOf } from "../../src/control-plane/ids.ts";
import type { TenantRpc } from "../../src/control-plane/tenant.ts";
import type { Unstored } from "../../src/executor/attempt.ts";
import { NodeError } from "../../src/executor/failure.ts";
import type { Payload } from "../../src/executor/payload.ts";
import { RESULT_BYTES_MAX } from "../../src/limits.ts";
import {
  type ExecutionHeader,
  type StoredData,
  type TaskResult,
  TaskResultSchema,
} from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readPayload, readResult } from "../../src/wire/payload.ts";
import {
  blobAt,
  bytesOf,
  contentTypeOf,
  isJsonType,
  JSON_TYPE,
  lifetimePrefix,
  referenceOf,
} from "../../src/wire/reference.ts";
import { BlobTooLarge, BlobUnavailable, storeBlob } from "../blobs/store.ts";

type Bindings = Pick<Env, "BLOBS" | "TENANTS">;
type Whose = Pick<ExecutionHeader, "tenantId" | "lifetimeId" | "execId">;
type Body = Pick<Response, "json" | "text" | "bytes" | "body">;

const unavailable = (detail: string) => new NodeError("payload_unavailable", detail);
const missing = ({ uri }: StoredData) => new NodeError("payload_missing", `nothing is kept at ${uri}`);

const opened = (type: string, size: number, fetched: () => Promise<Body>): Payload => ({
  type,
  size,
  json: async () => (await fetched()).json<JsonValue>(),
  text: async () => (await fetched()).text(),
  bytes: async () => (await fetched()).bytes(),
  stream: async () => (await fetched()).body ?? new Blob([]).stream(),
});

const openInline = (result: TaskResult): Payload => {
  const payload = result.data.case === "inlineData" ? readPayload(result.data.value) : { json: null };
  const bytes = "json" in payload ? new TextEncoder().encode(JSON.stringify(payload.json)) : payload.bytes;
  const type = "json" in payload ? JSON_TYPE : payload.opaque;
  return opened(type, bytes.byteLength, async () => new Response(bytes));
};

export class Payloads {
  readonly #bindings: Bindings;
  readonly #generation: number;

  constructor(bindings: Bindings, generation: number) {
    this.#bindings = bindings;
    this.#generation = generation;
  }

  /** Nothing is asked for yet. Throws for what is not ours to read. */
  open(result: TaskResult, whose: Whose): Payload {
    if (result.data.case !== "externalData") return openInline(result);
    const stored = result.data.value;
    const reference = referenceOf(stored, whose.tenantId);
    if (reference === undefined)
      throw new NodeError(
        "invalid_input",
        `a result is kept at ${stored.uri}, which is nothing of this tenant: only what is its own can be read`,
      );
    return opened(contentTypeOf(stored), bytesOf(stored), async () => {
      if (reference.in === "blobs") return this.#blob(reference.key, stored);
      const logged = await this.#logged(reference.offset, stored, whose);
      return new Response(await openInline(logged).stream());
    });
  }

  /** The value that a node would have seen, had the result come with its input. */
  async load(result: TaskResult, whose: Whose): Promise<JsonValue> {
    if (result.data.case !== "externalData") return readResult(result) ?? null;
    const stored = result.data.value;
    const reference = referenceOf(stored, whose.tenantId);
    if (reference?.in === "log")
      return readResult(await this.#logged(reference.offset, stored, whose)) ?? null;
    const payload = this.open(result, whose);
    if (!isJsonType(payload.type))
      throw new NodeError(
        "invalid_input",
        `a result is ${payload.type}, ${payload.size} bytes of it, and no JSON; declare payload() as the input`,
      );
    const text = await payload.text();
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new NodeError("invalid_input", `${stored.uri} is not JSON: ${(cause as Error).message}`);
    }
  }

  /** The reference, for the execution to carry. The key is drawn: no other run of the attempt can write it. */
  async store(
    { type, chunks }: Unstored,
    { tenantId, lifetimeId, execId }: Whose,
    isWanted: () => boolean,
  ): Promise<StoredData> {
    const drawn = crypto.randomUUID().slice(0, 8);
    const key = `${lifetimePrefix(tenantId, this.#generation, lifetimeId)}${encodeURIComponent(execId)}.${drawn}`;
    try {
      const kept = { type, bytesMax: RESULT_BYTES_MAX, isWanted };
      return blobAt(tenantId, key, type, await storeBlob(this.#bindings.BLOBS, key, kept, chunks));
    } catch (thrown) {
      if (thrown instanceof BlobUnavailable) throw unavailable(thrown.message);
      if (thrown instanceof BlobTooLarge)
        throw new NodeError("result_too_large", `the result has ${thrown.message}; return less`);
      throw thrown;
    }
  }

  async #blob(key: string, stored: StoredData): Promise<Body> {
    const blob = await this.#bindings.BLOBS.get(key).catch((cause: Error) => {
      throw unavailable(`${stored.uri} cannot be read: ${cause.message}`);
    });
    if (blob === null) throw missing(stored);
    return new Response(blob.body);
  }

  /** What lies in the log is asked of the object, each result by itself. */
  async #logged(offset: number, stored: StoredData, whose: Whose): Promise<TaskResult> {
    const name = objectName(whose.tenantId, partitionOf(whose.lifetimeId));
    const object = this.#bindings.TENANTS.getByName(name) as unknown as TenantRpc;
    const found = await object.getResult(offset).catch((cause: Error) => {
      throw unavailable(`${stored.uri} cannot be read: ${cause.message}`);
    });
    if (found.ok) return fromBinary(TaskResultSchema, found.value);
    throw found.error.code === "execution_not_found" ? missing(stored) : unavailable(found.error.detail);
  }
}
