// Without this an input could be larger than a broker takes, or refer to a result that is not the one that it stands for.
import { create } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import fc from "fast-check";
import { expect, it } from "vitest";
import { RESULTS_BYTES_MAX } from "../../../src/limits.ts";
import { decodeExecution, encodeExecution, isPlan } from "../../../src/wire/codec.ts";
import { fitted } from "../../../src/wire/fit.ts";
import {
  StoredDataSchema,
  type TaskExecution,
  TaskExecutionSchema,
} from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { payloadOf } from "../../../src/wire/payload.ts";
import { leastBytes, refer, referenceOf, tenantPrefix } from "../../../src/wire/reference.ts";

const executionOf = (n: number, bytes: number, execId = `exec-${n}`): TaskExecution =>
  create(TaskExecutionSchema, {
    header: { name: `w${n}`, execId, tenantId: "acme" },
    result: { id: execId, data: { case: "inlineData", value: payloadOf("x".repeat(bytes)) } },
    $unknown: [{ no: 900, wireType: WireType.Varint, data: Uint8Array.of(7) }],
  });

/** What is carried for results of these sizes, which lie in the log from offset 1 on. */
const carried = (sizes: readonly number[]) => {
  const log = sizes.map((bytes, n) => encodeExecution(executionOf(n, bytes)));
  return fitted(
    log.map((_, index) => index + 1),
    (offset) => log[offset - 1]!,
  );
};

const decoded = (message: Uint8Array): TaskExecution => {
  const execution = decodeExecution("task", message);
  if (!execution.ok || isPlan(execution.value)) throw new Error("no task execution");
  return execution.value;
};

const total = (messages: readonly Uint8Array[]) =>
  messages.reduce((sum, { byteLength }) => sum + byteLength, 0);

it("results that fit are carried as they are", () => {
  const messages = carried([1_000, 2_000]).map(decoded);
  expect(messages).toEqual([executionOf(0, 1_000), executionOf(1, 2_000)]);
});

it("of results that do not fit the largest are referred to, and nothing else of them changes", () => {
  const [small, large, middle] = carried([1_000, 500_000, 400_000]).map(decoded);
  expect([small, middle]).toEqual([executionOf(0, 1_000), executionOf(2, 400_000)]);
  const { result, ...rest } = executionOf(1, 500_000);
  expect(large).toMatchObject(rest);
  expect(large?.result).toMatchObject({
    id: result?.id,
    data: {
      case: "externalData",
      value: {
        uri: "/v1/tenants/acme/executions/exec-1/result",
        metadata: { content_type: "application/json", bytes: "500004", offset: "2" },
      },
    },
  });
});

it("whatever their sizes, they fit, in order, and each reference is the offset of what it stands for", () => {
  const size = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 300_000 }));
  fc.assert(
    fc.property(fc.array(size, { maxLength: 40 }), (sizes) => {
      const messages = carried(sizes);
      expect(total(messages)).toBeLessThanOrEqual(RESULTS_BYTES_MAX);
      for (const [index, message] of messages.entries()) {
        const { header, result } = decoded(message);
        expect(header?.name).toBe(`w${index}`);
        if (result?.data.case === "externalData")
          expect(referenceOf(result.data.value, "acme")).toEqual({ in: "log", offset: index + 1 });
      }
    }),
    { numRuns: 30 },
  );
});

it.each(["exec-1", "a/b c?é", "\u{10000}".repeat(50), "%"])(
  "what an execution takes at the least is never less than what it takes (%s)",
  (execId) => {
    for (const bytes of [0, 100, 200, 400, 1_000, 900_000]) {
      const execution = executionOf(1, bytes, execId);
      const message = encodeExecution(execution);
      const least = leastBytes(execution, message.byteLength);
      expect(least).toBeLessThanOrEqual(message.byteLength);
      expect(least).toBeGreaterThanOrEqual(refer(message, 2_000_000_000).byteLength);
    }
  },
);

it.each([
  ["/v1/tenants/acme/blobs/1/l/n", {}, { in: "blobs", key: `${tenantPrefix("acme")}1/l/n` }],
  ["/v1/tenants/acme/executions/e/result", { offset: "7" }, { in: "log", offset: 7 }],
  ["/v1/tenants/acme/executions/e/result", {}, undefined],
  ["/v1/tenants/acme/executions/e/result", { offset: "-1" }, undefined],
  ["/v1/tenants/acme-2/blobs/1/l/n", {}, undefined],
  ["https://acme.example/v1/tenants/acme/blobs/1/l/n", {}, undefined],
  ["", {}, undefined],
])("%s with %j is for acme %j", (uri, metadata, expected) => {
  expect(referenceOf(create(StoredDataSchema, { uri, metadata }), "acme")).toEqual(expected);
});
