// Without these bad input is answered in a way that a caller cannot mend, or takes the gateway down with it.
import { expect, test } from "vitest";
import { BODY_BYTES_MAX, JSON_DEPTH_MAX, WAIT_MS_MAX } from "../../../src/limits.ts";
import { type Sent, send } from "./client.ts";

const JSON_TYPE = { "content-type": "application/json" };
const VALIDATE = "/v1/tenants/a/graphs:validate";
const START = "/v1/tenants/a/graphs/g/lifetimes";

const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
const inChunks = (bytes: number) =>
  new ReadableStream<Uint8Array>({
    pull(controller) {
      if (bytes <= 0) return controller.close();
      controller.enqueue(new Uint8Array(Math.min(bytes, 65_536)).fill(0x20));
      bytes -= 65_536;
    },
  });

const BODIES: [name: string, sent: Sent, status: number, code: string][] = [
  ["JSON of 1 MiB + 1", { body: `"${"a".repeat(BODY_BYTES_MAX - 1)}"` }, 413, "body_too_large"],
  ["1 MiB + 1 in chunks", { body: inChunks(BODY_BYTES_MAX + 1) }, 413, "body_too_large"],
  ["an endless body", { body: inChunks(Infinity) }, 413, "body_too_large"],
  ["JSON nested 10,000 deep", { body: nested(10_000) }, 400, "nested_too_deep"],
  ["JSON one level too deep", { body: nested(JSON_DEPTH_MAX + 1) }, 400, "nested_too_deep"],
  ["brackets in a string", { body: `{"dot": "${"[".repeat(10_000)}"}` }, 200, ""],
  ["an escaped quote before brackets", { body: `{"dot": "\\"${"[".repeat(10_000)}"}` }, 200, ""],
  ["invalid UTF-8", { body: new Uint8Array([0x22, 0xff, 0x22]) }, 400, "invalid_utf8"],
  ["truncated UTF-8", { body: new Uint8Array([0x22, 0xe2, 0x82]) }, 400, "invalid_utf8"],
  ["truncated JSON", { body: `{"dot": ` }, 400, "invalid_json"],
  ["JSON with a comma too many", { body: `{"dot": "a",}` }, 400, "invalid_json"],
  ["another shape", { body: "[]" }, 400, "invalid_request"],
  ["nothing of what is asked for", { body: "{}" }, 400, "invalid_request"],
  ["no body", {}, 400, "invalid_request"],
  ["two languages at once", { body: `{"dot": "a", "graph": {}}` }, 400, "invalid_request"],
  ["unknown fields", { body: `{"dot": "a", "dto": 1}` }, 400, "unknown_fields"],
  ["__proto__", { body: `{"dot": "a", "__proto__": {}}` }, 400, "unknown_fields"],
  [
    "text",
    { body: "digraph g {}", headers: { "content-type": "text/plain" } },
    415,
    "unsupported_media_type",
  ],
];

test.each(BODIES)("a body with %s", async (_, { headers = JSON_TYPE, ...sent }, status, code) => {
  const answer = await send("POST", VALIDATE, { ...sent, headers });
  expect({ status: answer.status, code: answer.body.code ?? "" }).toEqual({ status, code });
});

test("JSON at the bounds is taken", async () => {
  const depth = JSON_DEPTH_MAX - 1;
  const deep = await send("POST", VALIDATE, { headers: JSON_TYPE, body: `{"graph": ${nested(depth)}}` });
  expect(deep.status).toBe(200);
  const large = `{"dot": "${"a".repeat(BODY_BYTES_MAX - 11)}"}`;
  expect((await send("POST", VALIDATE, { headers: JSON_TYPE, body: large })).status).toBe(200);
});

test("what is wrong with JSON is told with its position", async () => {
  const { body } = await send("POST", VALIDATE, { headers: JSON_TYPE, body: `{"dot": "a",}` });
  expect(body.detail).toMatch(/position \d+|line \d+/);
});

test("unknown and wrong fields are all named", async () => {
  const json = { label: {}, labels: { a: 1 }, inputs: 2 };
  const { body } = await send("POST", START, { json });
  expect(body.code).toBe("unknown_fields");
  expect(body.detail).toBe("unknown in the body: label, inputs");
  expect(body.fields.map((field: { path: string }) => field.path).sort()).toEqual([
    "inputs",
    "label",
    "labels.a",
  ]);
});

const TENANT_IDS = ["a b", "a.b", "a/b", "ä", "a".repeat(51), "a\0", "😀", "a:b", "%"];

test.each(TENANT_IDS)("the tenant id %j is refused", async (tenant) => {
  const { status, body } = await send("PUT", `/v1/tenants/${encodeURIComponent(tenant)}`);
  expect({ status, code: body.code }).toEqual({ status: 400, code: "invalid_request" });
  expect(body.fields[0].path).toBe("tenant");
});

const START_REQUESTS: [name: string, path: string, sent: Sent, code: string][] = [
  ["a wait that is no duration", `${START}?wait=soon`, { json: {} }, "invalid_request"],
  ["a wait beyond the bound", `${START}?wait=${WAIT_MS_MAX + 1}ms`, { json: {} }, "invalid_request"],
  ["a wait that is given twice", `${START}?wait=1s&wait=2s`, { json: {} }, "invalid_request"],
  ["an unknown parameter", `${START}?await=1s`, { json: {} }, "unknown_fields"],
  [
    "a number that no double holds",
    START,
    { headers: JSON_TYPE, body: `{"input": 1e400}` },
    "invalid_request",
  ],
  ["too large an input", START, { json: { input: "a".repeat(200_000) } }, "input_too_large"],
  ["a label that is no string", START, { json: { labels: { a: 1 } } }, "invalid_request"],
  ["half a character in a label", START, { json: { labels: { a: "\ud800" } } }, "invalid_request"],
  ["half a character in the input", START, { json: { input: "\ud800" } }, "invalid_request"],
  ["a label that is too long", START, { json: { labels: { a: "a".repeat(257) } } }, "invalid_request"],
  [
    "too many labels",
    START,
    { json: { labels: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [n, ""])) } },
    "invalid_request",
  ],
  ["a version of 0", START, { json: { version: 0 } }, "invalid_request"],
  ["an empty key", START, { json: {}, headers: { "idempotency-key": "" } }, "invalid_request"],
  ["a key with a space", START, { json: {}, headers: { "idempotency-key": "a b" } }, "invalid_request"],
  [
    "a key that is too long",
    START,
    { json: {}, headers: { "idempotency-key": "a".repeat(256) } },
    "invalid_request",
  ],
];

test.each(START_REQUESTS)("a start with %s", async (_, path, sent, code) => {
  expect((await send("POST", path, sent)).body.code).toBe(code);
});

const QUERIES: [path: string, code: string][] = [
  ["/v1/tenants/a/graphs?limit=0", "invalid_request"],
  ["/v1/tenants/a/graphs?limit=1001", "invalid_request"],
  ["/v1/tenants/a/graphs?limit=-1", "invalid_request"],
  ["/v1/tenants/a/graphs?limit=1.5", "invalid_request"],
  ["/v1/tenants/a/graphs?limti=1", "unknown_fields"],
  ["/v1/tenants/a/graphs?cursor=nonsense", "cursor_invalid"],
  ["/v1/tenants/a/graphs?cursor=%FF", "cursor_invalid"],
  [`/v1/tenants/a/graphs?cursor=${btoa(`["","",""]`)}`, "cursor_invalid"],
  ["/v1/tenants/a/graphs/g/versions/0", "invalid_request"],
  ["/v1/tenants/a/graphs/g/versions/one", "invalid_request"],
  ["/v1/tenants/a?verbose=1", "unknown_fields"],
  ["/v1/tenants/a/topics/plan-inputs/records?offset=-1", "invalid_request"],
  ["/v1/tenants/a/topics/plans/records", "topic_not_found"],
];

test.each(QUERIES)("GET %s answers %s", async (path, code) => {
  expect((await send("GET", path)).body.code).toBe(code);
});

test.each(["plan-inputs", "task-inputs", "persisted-plan-executions", "persisted-task-executions"])(
  "nobody but the runtime produces to %s",
  async (topic) => {
    const { status, body } = await send("POST", `/v1/tenants/a/topics/${topic}/records`, { json: {} });
    expect({ status, code: body.code }).toEqual({ status: 403, code: "topic_not_writable" });
  },
);
