/**
 * Paths of payloads that whoever has them may read for a while, without a key: for executors that get an input with
 * references out of Kafka. The signature is over path and expiry alone.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import type { Kind } from "../topics/topics.ts";
import { decodePlanInput, decodeTaskInput } from "./codec.ts";
import type { TaskResult } from "./gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "./gen/escapement/v1/input_pb.ts";
import { referenceOf } from "./reference.ts";

/** So that nothing else that is ever made from the same secret is a signature of a path. */
const PURPOSE = "escapement payload path\n";

export const EXPIRES = "expires";
export const SIGNATURE = "signature";

const signatureOf = (secret: string, path: string, expires: number): string =>
  base64Encode(hmac(sha256, utf8ToBytes(PURPOSE + secret), utf8ToBytes(`${path}\n${expires}`)), "url");

/** `expires` is milliseconds since the epoch. */
export const signedPath = (secret: string, path: string, expires: number): string =>
  `${path}?${EXPIRES}=${expires}&${SIGNATURE}=${signatureOf(secret, path, expires)}`;

/** Whether it was signed here, and has not expired. Takes as long whatever differs. */
export const isSigned = (secret: string, { pathname, searchParams }: URL, now: number): boolean => {
  const expires = Number(searchParams.get(EXPIRES));
  const given = searchParams.get(SIGNATURE) ?? "";
  const expected = signatureOf(secret, pathname, expires);
  let differs = given.length === expected.length ? 0 : 1;
  for (let i = 0; i < expected.length; i++) differs |= expected.charCodeAt(i) ^ (given.charCodeAt(i) || 0);
  return differs === 0 && expires > now;
};

/** An encoded input whose references to payloads of the tenant are signed; as it is where it has none. */
export const withSignedPaths = (
  kind: Kind,
  input: Uint8Array,
  tenant: string,
  sign: (path: string) => string,
): Uint8Array => {
  const decoded = kind === "plan" ? decodePlanInput(input) : decodeTaskInput(input);
  if (!decoded.ok) return input;
  const message = decoded.value;
  const results: readonly (TaskResult | undefined)[] =
    "planName" in message
      ? message.taskExecutions.map(({ result }) => result)
      : (message.planExecution?.result?.upstreamTasksResults ?? []);
  let signed = false;
  for (const result of results) {
    const stored = result?.data.case === "externalData" ? result.data.value : undefined;
    if (stored === undefined || referenceOf(stored, tenant) === undefined) continue;
    stored.uri = sign(stored.uri.split("?", 1)[0] ?? "");
    signed = true;
  }
  if (!signed) return input;
  return "planName" in message
    ? toBinary(PlanInputSchema, create(PlanInputSchema, message))
    : toBinary(TaskInputSchema, create(TaskInputSchema, message));
};
