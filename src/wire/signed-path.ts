/**
 * Paths of payloads that whoever has them may read for a while, without a key: for executors that get an input with
 * references out of Kafka. The signature is over path and expiry alone.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Kind } from "../topics/topics.ts";
import { decodePlanInput, decodeTaskInput } from "./codec.ts";
import type { TaskResult } from "./gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "./gen/escapement/v1/input_pb.ts";
import { EXPIRES, pathOf, referenceOf, SIGNATURE } from "./reference.ts";
import { isSignature, signatureOf } from "./signature.ts";

const PURPOSE = "escapement payload path";

const signedText = (path: string, expires: number): string => `${path}\n${expires}`;

/** `expires` is milliseconds since the epoch. */
export const signedPath = (secret: string, path: string, expires: number): string =>
  `${path}?${EXPIRES}=${expires}&${SIGNATURE}=${signatureOf(secret, PURPOSE, signedText(path, expires))}`;

export type SignatureFault = "changed" | "expired";

/** Undefined where it was signed here, is as it was, and has not expired. */
export const signatureFault = (
  secret: string,
  { pathname, searchParams }: URL,
  now: number,
): SignatureFault | undefined => {
  const expires = Number(searchParams.get(EXPIRES));
  const given = searchParams.get(SIGNATURE) ?? "";
  if (!isSignature(given, secret, PURPOSE, signedText(pathname, expires))) return "changed";
  return expires > now ? undefined : "expired";
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
    stored.uri = sign(pathOf(stored.uri));
    signed = true;
  }
  if (!signed) return input;
  return "planName" in message
    ? toBinary(PlanInputSchema, create(PlanInputSchema, message))
    : toBinary(TaskInputSchema, create(TaskInputSchema, message));
};
