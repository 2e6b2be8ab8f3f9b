// Without this whoever reads an input out of Kafka could read none of its large results, or all of everybody's.
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Result } from "../../../src/result.ts";
import { decodePlanInput, decodeTaskInput } from "../../../src/wire/codec.ts";
import {
  PlanExecutionSchema,
  TaskExecutionSchema,
  type TaskResult,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { referenceOf } from "../../../src/wire/reference.ts";
import { isSigned, signedPath, withSignedPaths } from "../../../src/wire/signed-path.ts";

const PATH = "/v1/tenants/acme/blobs/1/l%3A1/b";
const url = (path: string) => new URL(path, "http://gateway");

describe("a signed path", () => {
  const path = signedPath("secret", PATH, 1_000);

  test("is good until it expires, for itself alone, and for the secret that it was signed with", () => {
    expect(isSigned("secret", url(path), 999)).toBe(true);
    expect(isSigned("secret", url(path), 1_000)).toBe(false);
    expect(isSigned("other", url(path), 0)).toBe(false);
    expect(isSigned("secret", url(path.replace("acme", "other")), 0)).toBe(false);
    expect(isSigned("secret", url(path.replace("expires=1000", "expires=2000")), 0)).toBe(false);
    expect(isSigned("secret", url(PATH), 0)).toBe(false);
  });

  test("refers to what it did without", () => {
    const stored = { $typeName: "escapement.v1.StoredData" as const, uri: path, metadata: {} };
    expect(referenceOf(stored, "acme")).toEqual({ in: "blobs", key: "acme/1/l%3A1/b" });
  });
});

const kept = (uri: string) => ({
  id: uri,
  data: { case: "externalData" as const, value: { uri, metadata: { bytes: "9" } } },
});
const uris = (results: readonly (TaskResult | undefined)[]) =>
  results.map((result) => result?.data.case === "externalData" && result.data.value.uri);

const answered = <T>(decoded: Result<T, string>): T => {
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value;
};

describe("an input", () => {
  const sign = (path: string) => `${path}?signed`;
  const results = [kept(PATH), kept("https://elsewhere/b")];

  test("of a plan has its own references signed, and those to elsewhere as they are", () => {
    const taskExecutions = results.map((result) => create(TaskExecutionSchema, { result }));
    const input = toBinary(PlanInputSchema, create(PlanInputSchema, { planName: "p", taskExecutions }));
    const signed = answered(decodePlanInput(withSignedPaths("plan", input, "acme", sign)));
    expect(uris(signed.taskExecutions.map(({ result }) => result))).toEqual([
      `${PATH}?signed`,
      "https://elsewhere/b",
    ]);
    expect(withSignedPaths("plan", input, "other", sign)).toBe(input);
  });

  test("of a task likewise, with all else that it had", () => {
    const result = { upstreamTasksResults: results };
    const planExecution = create(PlanExecutionSchema, { planType: "kind", result });
    const parameters = { n: 1 };
    const whole = create(TaskInputSchema, { taskName: "t", planExecution, parameters });
    const signed = answered(
      decodeTaskInput(withSignedPaths("task", toBinary(TaskInputSchema, whole), "acme", sign)),
    );
    expect(uris(signed.planExecution?.result?.upstreamTasksResults ?? [])).toEqual([
      `${PATH}?signed`,
      "https://elsewhere/b",
    ]);
    expect(signed).toMatchObject({ taskName: "t", parameters, planExecution: { planType: "kind" } });
  });
});
