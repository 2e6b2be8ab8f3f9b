/**
 * Bytes of a request, and JSON of them, within bounds: nothing over the bound is ever held, and nothing is
 * parsed that could not be walked afterwards.
 */
import { BODY_BYTES_MAX, JSON_DEPTH_MAX } from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";

const tooLarge = () =>
  reject("body_too_large", `the body has more than ${BODY_BYTES_MAX} bytes, which is the most it may have`);

export const readBody = async (request: Request): Promise<Result<Uint8Array, Rejection>> => {
  const declared = request.headers.get("content-length");
  if (declared === null) return request.body ? readStream(request.body) : ok(new Uint8Array());
  if (Number(declared) > BODY_BYTES_MAX) return tooLarge();
  // The platform reads no further than what was declared; asking for the stream would cost more than this.
  return ok(new Uint8Array(await request.arrayBuffer()));
};

/** A chunked body says its length only by ending. */
const readStream = async (body: ReadableStream<Uint8Array>): Promise<Result<Uint8Array, Rejection>> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > BODY_BYTES_MAX) return tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return ok(bytes);
};

export const readJson = (bytes: Uint8Array): Result<unknown, Rejection> => {
  const text = decodeUtf8(bytes);
  if (text === undefined)
    return reject("invalid_utf8", "the body is not valid UTF-8; JSON is always sent as UTF-8");
  if (nestsDeeper(bytes))
    return reject("nested_too_deep", `the JSON nests deeper than ${JSON_DEPTH_MAX} levels; flatten it`);
  try {
    return ok(JSON.parse(text));
  } catch (cause) {
    return reject("invalid_json", `the body is not JSON: ${(cause as SyntaxError).message}`);
  }
};

const decodeUtf8 = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    return undefined;
  }
};

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** One pass over the bytes, strings stepped over; what is not JSON is left for the parser to refuse. */
const nestsDeeper = (bytes: Uint8Array): boolean => {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (inString && byte === BACKSLASH) at++;
    else if (byte === QUOTE) inString = !inString;
    else if (inString) continue;
    else if (OPENING.has(byte)) depth++;
    else if (CLOSING.has(byte)) depth--;
    if (depth > JSON_DEPTH_MAX) return true;
  }
  return false;
};
