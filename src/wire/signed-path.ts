/**
 * Paths of payloads that whoever has them may read for a while, without a key: for who gets a message with references
 * out of Kafka. The signature is over path and expiry alone.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import type { Kind } from "../topics/topics.ts";
import { decodeExecution, decodePlanInput, decodeTaskInput, encodeExecution, isPlan } from "./codec.ts";
import { hasMessage } from "./fields.ts";
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

type Results = readonly (TaskResult | undefined)[];
export type Sign = (path: string) => string;

/** Whether there are any references to payloads of the tenant. */
const signAll = (results: Results, tenant: string, sign: Sign): boolean => {
  let signed = false;
  for (const result of results) {
    const stored = result?.data.case === "externalData" ? result.data.value : undefined;
    if (stored === undefined || referenceOf(stored, tenant) === undefined) continue;
    stored.uri = sign(pathOf(stored.uri));
    signed = true;
  }
  return signed;
};

/** An encoded input whose references to payloads of the tenant are signed; as it is where it has none. */
export const inputWithSignedPaths = (
  kind: Kind,
  input: Uint8Array,
  tenant: string,
  sign: Sign,
): Uint8Array => {
  const decoded = kind === "plan" ? decodePlanInput(input) : decodeTaskInput(input);
  if (!decoded.ok) return input;
  const message = decoded.value;
  const results: Results =
    "planName" in message
      ? message.taskExecutions.map(({ result }) => result)
      : (message.planExecution?.result?.upstreamTasksResults ?? []);
  if (!signAll(results, tenant, sign)) return input;
  return "planName" in message
    ? toBinary(PlanInputSchema, create(PlanInputSchema, message))
    : toBinary(TaskInputSchema, create(TaskInputSchema, message));
};

/** Fields on the way to a reference: result, of a plan those that it was given, and what is stored of one. */
const REFERENCE: Readonly<Record<Kind, readonly number[]>> = { plan: [3, 1, 3], task: [3, 3] };

/** Likewise an execution. Most have no reference, and are not decoded. */
export const executionWithSignedPaths = (
  kind: Kind,
  execution: Uint8Array,
  tenant: string,
  sign: Sign,
): Uint8Array => {
  if (!hasMessage(execution, REFERENCE[kind])) return execution;
  const decoded = decodeExecution(kind, execution);
  if (!decoded.ok) return execution;
  const { value } = decoded;
  const results = isPlan(value) ? (value.result?.upstreamTasksResults ?? []) : [value.result];
  return signAll(results, tenant, sign) ? encodeExecution(value) : execution;
};
