/** Payloads that do not travel in messages: uploaded for a lifetime, and served as they lie, whole or in part. */
import { z } from "@hono/zod-openapi";
import { isTerminal } from "../../src/control-plane/status.ts";
import { RESULT_BYTES_MAX, RETRY_AFTER_MS } from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { BYTES_TYPE, blobAt, lifetimePrefix } from "../../src/wire/reference.ts";
import { BlobTooLarge, BlobUnavailable, storeBlob } from "../blobs/store.ts";
import { logLine } from "../log-line.ts";
import { objectOfLifetime } from "./address.ts";
import { Api, route, STREAMED } from "./api.ts";
import { id, ofTenant, signed, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { bytes, json } from "./responses.ts";

const storedSchema = z
  .object({
    uri: z.string().openapi({ description: "Where it is served, and what `external_data` has to name" }),
    metadata: z.record(z.string(), z.string()).openapi({ description: "`content_type` and `bytes`" }),
  })
  .openapi("StoredData");

const putBlob = route("operator", {
  method: "post",
  path: `${TENANT}/lifetimes/{lifetime}/blobs`,
  summary: "Upload a payload, for an execution of this lifetime to refer to as external_data",
  request: {
    params: ofTenant.extend({ lifetime: id }),
    body: { content: { [STREAMED]: { schema: { type: "string", format: "binary" } } } },
  },
  responses: { 201: json("It is stored, and goes with the lifetime", storedSchema) },
});

const getBlob = route("reader", {
  method: "get",
  path: `${TENANT}/blobs/{generation}/{lifetime}/{name}`,
  summary: "A payload, or a range of it",
  request: {
    params: ofTenant.extend({ generation: z.string().regex(/^\d{1,15}$/), lifetime: id, name: id }),
    query: signed,
  },
  responses: bytes("The payload, of its content type"),
});

const unavailable = () =>
  reject("unavailable", "the store of payloads does not answer; try again", { retryAfterMs: RETRY_AFTER_MS });

/** What R2 says of a range that lies outside. */
const NOT_SATISFIABLE = /\(10039\)/;

/** Answers ranges and conditions of the request. */
export const serveBlob = async (
  bucket: R2Bucket,
  key: string,
  { headers }: Request,
): Promise<Result<Response, Rejection>> => {
  let blob: R2Object | R2ObjectBody | null;
  try {
    blob = await bucket.get(key, { range: headers, onlyIf: headers });
  } catch (cause) {
    if (NOT_SATISFIABLE.test(String(cause))) return ok(new Response(null, { status: 416 }));
    logLine("error", "blob_unread", { key, detail: String(cause) });
    return unavailable();
  }
  if (blob === null) return reject("blob_not_found", "nothing is stored here any more");
  const answer = new Headers({
    etag: blob.httpEtag,
    "accept-ranges": "bytes",
    "content-type": blob.httpMetadata?.contentType ?? BYTES_TYPE,
    // What somebody uploaded is never to be taken for a page of ours.
    "x-content-type-options": "nosniff",
  });
  if (!("body" in blob)) {
    const status = headers.has("if-none-match") || headers.has("if-modified-since") ? 304 : 412;
    return ok(new Response(null, { status, headers: answer }));
  }
  if (!headers.has("range") || blob.range === undefined)
    return ok(new Response(blob.body, { headers: answer }));
  const { from, to } = bounds(blob.range, blob.size);
  answer.set("content-range", `bytes ${from}-${to - 1}/${blob.size}`);
  return ok(new Response(blob.body, { status: 206, headers: answer }));
};

const bounds = (range: R2Range, size: number): { from: number; to: number } => {
  if ("suffix" in range && range.suffix !== undefined)
    return { from: Math.max(0, size - range.suffix), to: size };
  const { offset = 0, length } = range as { offset?: number; length?: number };
  return { from: offset, to: length === undefined ? size : Math.min(size, offset + length) };
};

const tooLarge = () =>
  reject("body_too_large", `a payload has at most ${RESULT_BYTES_MAX} bytes; keep what is larger elsewhere`);

const store = async (
  bucket: R2Bucket,
  key: string,
  type: string,
  { headers, body }: Request,
): Promise<Result<number, Rejection>> => {
  if (Number(headers.get("content-length")) > RESULT_BYTES_MAX) return tooLarge();
  try {
    return ok(await storeBlob(bucket, key, { type, bytesMax: RESULT_BYTES_MAX }, body ?? []));
  } catch (thrown) {
    if (thrown instanceof BlobTooLarge) return tooLarge();
    if (!(thrown instanceof BlobUnavailable)) throw thrown;
    logLine("error", "blob_unwritten", { key, detail: thrown.message });
    return unavailable();
  }
};

const noLifetime = (id: string): Rejection => ({
  code: "lifetime_not_found",
  detail: `the tenant of lifetime ${id} was deleted meanwhile`,
});

/** What the keys of a lifetime's blobs begin with, as long as something of it can refer to them. */
const openPrefix = async (env: Env, tenant: string, id: string): Promise<Result<string, Rejection>> => {
  const object = objectOfLifetime(env, tenant, id);
  const found = await object.getLifetime(id, 0);
  if (!found.ok) return found;
  const { status } = found.value;
  if (isTerminal(status))
    return reject(
      "illegal_transition",
      `lifetime ${id} is ${status}; nothing of it can refer to a payload any more`,
    );
  const described = await object.describe();
  return described.ok ? ok(lifetimePrefix(tenant, described.value.generation, id)) : described;
};

export const blobs = new Api()
  .openapi(putBlob, async (c) => {
    const { tenant, lifetime } = c.req.valid("param");
    const prefix = await openPrefix(c.env, tenant, lifetime);
    if (!prefix.ok) return problem(c, prefix.error);
    const key = prefix.value + crypto.randomUUID();
    const type = c.req.header("content-type") ?? BYTES_TYPE;
    const stored = await store(c.env.BLOBS, key, type, c.req.raw);
    if (!stored.ok) return problem(c, stored.error);
    // Deleted meanwhile, its lifetime has taken along only what there was by then.
    const still = await openPrefix(c.env, tenant, lifetime);
    if (!still.ok || still.value !== prefix.value) {
      await c.env.BLOBS.delete(key);
      return problem(c, still.ok ? noLifetime(lifetime) : still.error);
    }
    const { uri, metadata } = blobAt(tenant, key, type, stored.value);
    c.header("location", uri);
    return c.json({ uri, metadata }, 201);
  })
  .openapi(getBlob, async (c) => {
    const { tenant, generation, lifetime, name } = c.req.valid("param");
    const key = `${lifetimePrefix(tenant, Number(generation), lifetime)}${encodeURIComponent(name)}`;
    const served = await serveBlob(c.env.BLOBS, key, c.req.raw);
    return served.ok ? served.value : problem(c, served.error);
  });
