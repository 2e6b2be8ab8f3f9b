// Without this, a request of a graph could go where it must not, be sent otherwise than it is written, or never end.
import { exports } from "cloudflare:workers";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { describe, expect, inject, it } from "vitest";
import { nodes } from "#nodes";
import type { Executor } from "../../../src/executor/dispatch.ts";
import { HTTP_REDIRECTS_MAX } from "../../../src/limits.ts";
import { decodeExecution, encode } from "../../../src/wire/codec.ts";
import { ExecutionStatus, type TaskExecution } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { TaskInputSchema } from "../../../src/wire/gen/escapement/v1/input_pb.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { specOf, taskInput, textsOf } from "../../core/executor/inputs.ts";
import { answered } from "../control-plane/client.ts";

const OUTSIDE = inject("outside");
const tasks: Executor = exports.TaskInputs;
const HOUR_MS = 3_600_000;

/** The execution of one task of these settings. */
const run = async (raw: JsonObject, input: JsonValue = null, timeoutMs = HOUR_MS, header = {}) => {
  const parsed = nodes.find("task", "http")?.parseSettings(raw);
  if (!parsed?.ok) throw new Error(parsed?.error.join("; "));
  const message = encode(TaskInputSchema, taskInput([{ value: input }], undefined, header));
  const answers = await tasks.run({
    generation: 1,
    nodes: textsOf(specOf({ type: "task", kind: "http", settings: parsed.value, timeoutMs })),
    items: [{ node: 0, input: message, remainingMs: timeoutMs }],
  });
  const { running } = answers;
  let [bytes] = answers.executions;
  while (running && bytes === undefined) [bytes] = (await running.next()).executions;
  (running as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
  const { result, header: answer } = answered(
    decodeExecution("task", bytes ?? new Uint8Array()),
  ) as TaskExecution;
  if (answer?.status === ExecutionStatus.SUCCEEDED) return { value: readResult(result) as JsonObject };
  return { error: result?.errorMessage ?? "" };
};

/** What the server was asked. */
const asked = async (raw: JsonObject, input: JsonValue = null, header = {}) => {
  const { value, error } = await run(raw, input, HOUR_MS, header);
  if (value === undefined) throw new Error(error);
  return value.body as { method: string; url: string; headers: Record<string, string>; body: string };
};

describe("a request", () => {
  it("is sent as the settings and the input say, under the key of its input", async () => {
    const settings = {
      url: `${OUTSIDE}/echo/\${input.id}?q=\${input.q}&n=\${input.n + 1}`,
      method: "POST",
      headers: '{"X-Of": "${input.id}", "accept": "application/json"}',
      body: '{"id": "${input.id}", "list": ["${input.n}", 2], "text": "n is ${input.n}", "all": "${input}"}',
    };
    const input = { id: "a/b c", q: "x&y=é", n: 1 };
    const header = { inputId: "l1:7", attempt: 3, traceParent: "00-1-2-01" };
    const { method, url, headers, body } = await asked(settings, input, header);
    expect(method).toBe("POST");
    expect(url).toBe("/echo/a%2Fb%20c?q=x%26y%3D%C3%A9&n=2");
    expect(headers).toMatchObject({
      "x-of": "a/b c",
      accept: "application/json",
      "content-type": "application/json",
      "idempotency-key": "l1:7",
      traceparent: "00-1-2-01",
    });
    expect(JSON.parse(body)).toEqual({ id: "a/b c", list: [1, 2], text: "n is 1", all: input });
  });

  it("may be to a URL that the input has whole", async () => {
    expect((await asked({ url: "${input}" }, `${OUTSIDE}/echo/1?a=b`)).url).toBe("/echo/1?a=b");
  });

  it.each([
    [
      "a value that is no text in its URL",
      { url: `${OUTSIDE}/\${input}` },
      {},
      "invalid_input: url: ${input} is an object",
    ],
    [
      "dots that would lead elsewhere",
      { url: `${OUTSIDE}/a/\${input}/b` },
      "..",
      "invalid_input: url: a part of its path",
    ],
    ["no URL", { url: "${input}" }, "nothing", "invalid_input: url: it is no URL"],
    [
      "a line end in a header",
      { url: `${OUTSIDE}/echo`, headers: { "x-a": "${input}" } },
      "a\r\nb: c",
      "invalid_input: header x-a: it holds",
    ],
    [
      "an expression without a value",
      { url: `${OUTSIDE}/\${input.none}` },
      {},
      "invalid_input: url: ${input.none}: ",
    ],
    [
      "an address that is private",
      { url: "https://10.0.0.1/" },
      null,
      "terminal: a request to https://10.0.0.1 is refused: 10.0.0.1 is not",
    ],
    [
      "a host that nobody named, in clear",
      { url: "http://example.com/" },
      null,
      "terminal: a request to http://example.com is refused: it is not https",
    ],
  ])("with %s is not sent", async (_, settings, input, error) => {
    expect((await run(settings, input)).error).toContain(error);
  });
});

describe("an answer", () => {
  it("is its status, a few of its headers, and its JSON", async () => {
    const { value } = await run({ url: `${OUTSIDE}/echo` });
    expect(value).toMatchObject({
      status: 200,
      headers: { "content-type": "application/json; charset=utf-8", etag: '"1"' },
      body: { method: "GET" },
    });
    expect(value?.headers).not.toHaveProperty("x-other");
  });

  it.each([
    ["text", { status: 200, headers: { "content-type": "text/plain" }, body: "plain" }],
    ["empty", { status: 204, headers: {}, body: "" }],
    ["bytes/1000", { status: 200, headers: {}, body: "x".repeat(1_000) }],
  ])("of %s is its text", async (path, value) => {
    expect(await run({ url: `${OUTSIDE}/${path}`, bytes_max: 1_000 })).toEqual({ value });
  });

  it.each([
    ["bytes/1001", { bytes_max: 1_000 }, "result_too_large: the answer to GET http://127.0.0.1"],
    ["endless", {}, "result_too_large: "],
    ["broken", {}, "invalid_response: it says application/json, and is not: "],
    ["text", { expect: "application/json" }, "invalid_response: it is text/plain and not application/json"],
    ["cut", {}, "unreachable: GET http://127.0.0.1"],
    ["status/404", {}, /^terminal: 404 from GET http:\S+\/status\/404: no: 404$/],
    ["status/400/retry-after=9", {}, /^terminal: 400 from /],
    ["status/304", {}, /^terminal: 304 from /],
    ["status/500", {}, /^http_500: GET \S+: no: 500$/],
    ["status/503/retry-after=2", {}, /^http_503: retry_after_ms=2000; GET /],
    ["status/429/retry-after=0", {}, /^http_429: retry_after_ms=0; GET /],
    ["status/429/retry-after=soon", {}, /^http_429: GET /],
    [
      "status/429/retry-after=Thu%2C%2001%20Jan%202099%2000%3A00%3A00%20GMT",
      {},
      /^http_429: retry_after_ms=\d{13}; GET /,
    ],
  ])("%s with %j fails", async (path, settings, error) => {
    const failed = (await run({ url: `${OUTSIDE}/${path}`, ...settings })).error;
    if (typeof error === "string") expect(failed).toContain(error);
    else expect(failed).toMatch(error);
  });

  it("that never comes is ended by the node's timeout", async () => {
    expect((await run({ url: `${OUTSIDE}/hangs` }, null, 300)).error).toMatch(/^timed_out: /);
  });

  it("from where nobody listens can be tried again", async () => {
    expect((await run({ url: "http://127.0.0.1:1/" })).error).toMatch(
      /^unreachable: GET http:\/\/127\.0\.0\.1:1\//,
    );
  });
});

describe("a redirect", () => {
  it.each([
    ["GET", 302, HTTP_REDIRECTS_MAX - 1],
    ["GET", 308, 0],
    ["POST", 307, 1],
  ])("of a %s by %d is followed %d more times", async (method, status, more) => {
    const { url, ...sent } = await asked({ url: `${OUTSIDE}/redirect/${status}/${more}`, method });
    expect([url, sent.method]).toEqual(["/echo", method]);
  });

  it.each([
    ["too often", "GET", `307/${HTTP_REDIRECTS_MAX}`, "more than 5 redirects"],
    ["to another origin", "GET", "302/https%3A%2F%2Fexample.com%2Fa", "leads to https://example.com"],
    ["to another scheme", "GET", "302/file%3A%2F%2F%2Fetc%2Fpasswd", "leads to null"],
    ["by which a POST would become a GET", "POST", "303/0", "answered 303"],
  ])("%s is refused", async (_, method, path, error) => {
    const failed = (await run({ url: `${OUTSIDE}/redirect/${path}`, method })).error;
    expect(failed).toMatch(/^terminal: /);
    expect(failed).toContain(error);
  });
});
