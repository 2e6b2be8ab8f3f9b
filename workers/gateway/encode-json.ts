/** JSON that callers send into lifetimes → google.protobuf.Value, encoded, within the bound of what travels in a message. */
import { asJson } from "../../src/executor/json.ts";
import { INLINE_BYTES_MAX, JSON_DEPTH_MAX } from "../../src/limits.ts";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { encodeValue } from "../../src/wire/value.ts";

/** `what` is what a refusal calls it. */
export const encodeJson = (what: string, value: unknown): Result<Uint8Array, Rejection> => {
  const json = asJson(value, JSON_DEPTH_MAX);
  if (!json.ok) return reject("invalid_request", `in the ${what}, ${json.error}`);
  const encoded = encodeValue(json.value);
  if (encoded.byteLength <= INLINE_BYTES_MAX) return ok(encoded);
  return reject(
    "input_too_large",
    `the ${what} has ${encoded.byteLength} bytes and may have ${INLINE_BYTES_MAX}; pass an address of what is large`,
  );
};
