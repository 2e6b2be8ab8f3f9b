// Without this whoever reads a message out of Kafka could read none of its large results, or all of everybody's.
import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Result } from "../../../src/result.ts";
import {
  decodePlanExecution,
  decodePlanInput,
  decodeTaskExecution,
  decodeTaskInput,
} from "../../../src/wire/codec.ts";
import {
  PlanExecutionSchema,
  TaskExecutionSchema,
  type TaskResult,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { PlanInputSchema, TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { referenceOf } from "../../../src/wire/reference.ts";
import {
  executionWithSignedPaths,
  inputWithSignedPaths,
  signatureFault,
  signedPath,
} from "../../../src/wire/signed-path.ts";

const PATH = "/v1/tenants/acme/blobs/1/l%3A1/b";
const url = (path: string) => new URL(path, "http://gateway");

describe("a signed path", () => {
  const path = signedPath("secret", PATH, 1_000);

  test("is good until it expires, for itself alone, and for the secret that it was signed with", () => {
    const fault = (path: string, now = 0, secret = "secret") => signatureFault(secret, url(path), now);
    expect(fault(path, 999)).toBe(undefined);
    expect(fault(path, 1_000)).toBe("expired");
    expect(fault(path, 0, "other")).toBe("changed");
    expect(fault(path.replace("acme", "other"))).toBe("changed");
    expect(fault(path.replace("expires=1000", "expires=2000"))).toBe("changed");
    expect(fault(PATH)).toBe("changed");
  });

  test.each([
    ["a path", path, true],
    ["an address", `https://gateway.example:8443${path}`, true],
    ["an address below another path", `http://gateway/escapement${path}`, true],
    ["what was not signed", `https://elsewhere${PATH}`, false],
  ])("as %s refers to what it did without", (_, uri, isOurs) => {
    const stored = { $typeName: "escapement.v1.StoredData" as const, uri, metadata: {} };
    expect(referenceOf(stored, "acme")).toEqual(isOurs ? { in: "blobs", key: "acme/1/l%3A1/b" } : undefined);
    expect(referenceOf(stored, "other")).toBe(undefined);
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

const sign = (path: string) => `${path}?signed`;
const results = [kept(PATH), kept("https://elsewhere/b")];

describe("an input", () => {
  test("of a plan has its own references signed, and those to elsewhere as they are", () => {
    const taskExecutions = results.map((result) => create(TaskExecutionSchema, { result }));
    const input = toBinary(PlanInputSchema, create(PlanInputSchema, { planName: "p", taskExecutions }));
    const signed = answered(decodePlanInput(inputWithSignedPaths("plan", input, "acme", sign)));
    expect(uris(signed.taskExecutions.map(({ result }) => result))).toEqual([
      `${PATH}?signed`,
      "https://elsewhere/b",
    ]);
    expect(inputWithSignedPaths("plan", input, "other", sign)).toBe(input);
  });

  test("of a task likewise, with all else that it had", () => {
    const result = { upstreamTasksResults: results };
    const planExecution = create(PlanExecutionSchema, { planType: "kind", result });
    const parameters = { n: 1 };
    const whole = create(TaskInputSchema, { taskName: "t", planExecution, parameters });
    const signed = answered(
      decodeTaskInput(inputWithSignedPaths("task", toBinary(TaskInputSchema, whole), "acme", sign)),
    );
    expect(uris(signed.planExecution?.result?.upstreamTasksResults ?? [])).toEqual([
      `${PATH}?signed`,
      "https://elsewhere/b",
    ]);
    expect(signed).toMatchObject({ taskName: "t", parameters, planExecution: { planType: "kind" } });
  });
});

describe("an execution", () => {
  const header = { name: "n", execId: "e" };

  test("of a plan has the references signed that it was given, with all else that it had", () => {
    const inline = { id: "i", data: { case: "inlineData" as const, value: { typeUrl: "t" } } };
    const result = { upstreamTasksResults: [inline, ...results], nextTaskNames: ["next"] };
    const execution = toBinary(PlanExecutionSchema, create(PlanExecutionSchema, { header, result }));
    const signed = answered(decodePlanExecution(executionWithSignedPaths("plan", execution, "acme", sign)));
    expect(uris(signed.result?.upstreamTasksResults ?? [])).toEqual([
      false,
      `${PATH}?signed`,
      "https://elsewhere/b",
    ]);
    expect(signed).toMatchObject({ header, result: { nextTaskNames: ["next"] } });
    expect(executionWithSignedPaths("plan", execution, "other", sign)).toBe(execution);
  });

  test("of a task has its own signed, and is as it was where it has none", () => {
    const taskOf = (result: (typeof results)[number] | undefined) =>
      toBinary(
        TaskExecutionSchema,
        create(TaskExecutionSchema, { header, taskType: "kind", ...(result && { result }) }),
      );
    const signed = answered(
      decodeTaskExecution(executionWithSignedPaths("task", taskOf(results[0]), "acme", sign)),
    );
    expect(uris([signed.result])).toEqual([`${PATH}?signed`]);
    expect(signed).toMatchObject({ header, taskType: "kind" });
    for (const other of [taskOf(results[1]), taskOf(undefined)])
      expect(executionWithSignedPaths("task", other, "acme", sign)).toBe(other);
  });
});
