// Without this, a large result could not be fetched, or be fetched by another tenant, and no executor elsewhere could send one.
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { RESULT_BYTES_MAX } from "../../../src/limits.ts";
import { lifetimePrefix } from "../../../src/wire/reference.ts";
import { storeBlob } from "../../../workers/blobs/store.ts";
import { sumOf } from "../../fixtures/payloads.ts";
import { ORIGIN, send } from "./client.ts";

const TENANT = "/v1/tenants/blobs";
const BYTES = 3 * 1024 * 1024;

const writing = (name: string, kind: string, more = "") => `digraph ${name} {
  begin [type="plan", kind="parallel"]
  write [type="task", kind="${kind}" ${more}]
  begin -> write
}`;

/** One task that somebody else runs, and one of ours that reads what came of it. */
const elsewhere = (name: string, kind: string) => `digraph ${name} {
  begin [type="plan", kind="parallel"]
  elsewhere [type="task", kind="never_settles"]
  back [type="plan", kind="parallel"]
  here [type="task", kind="${kind}"]
  begin -> elsewhere -> back -> here
}`;

beforeAll(async () => {
  await send("PUT", TENANT);
  const graphs = [
    writing("small", "length"),
    writing("large", "write_json", `bytes=${BYTES}`),
    writing("bytes", "write_stream", `bytes=${BYTES}`),
    writing("throws", "throws"),
    elsewhere("sums", "read_bytes"),
    elsewhere("lengths", "length"),
  ];
  for (const dot of graphs)
    expect((await send("POST", `${TENANT}/graphs`, { json: { dot } })).status).toBe(201);
});

const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  exports.default.fetch(
    new Request(`${ORIGIN}${path}`, {
      method,
      headers: { authorization: "Bearer reader-key", ...headers },
      redirect: "manual",
    }),
  );

/** The only task execution of a new lifetime. */
const executionOf = async (graph: string) => {
  const { body } = await send("POST", `${TENANT}/graphs/${graph}/lifetimes?wait=30s`, { json: {} });
  const listed = await send("GET", `${TENANT}/executions?lifetime=${body.lifetime}&kind=task`);
  return { lifetime: body, execId: listed.body.items[0].exec_id as string };
};

describe("the result of an execution", () => {
  it("is its JSON where it is small", async () => {
    const { execId } = await executionOf("small");
    const answer = await get(`${TENANT}/executions/${execId}/result`);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(await answer.json()).toBe(4);
  });

  it("is read by itself where it is large, and referred to elsewhere", async () => {
    const { lifetime, execId } = await executionOf("large");
    const external = {
      uri: expect.stringMatching(`^${TENANT}/blobs/1/${lifetime.lifetime}/`),
      metadata: { content_type: "application/json", bytes: String(BYTES + 2) },
    };
    expect(lifetime.output).toMatchObject([{ node: "write", result: { external } }]);
    const detail = await send("GET", `${TENANT}/executions/${execId}`);
    expect(detail.body.result).toEqual({ external });
    const answer = await get(`${TENANT}/executions/${execId}/result`);
    expect(((await answer.json()) as string).length).toBe(BYTES);
    const same = await get(detail.body.result.external.uri);
    expect((await same.bytes()).byteLength).toBe(BYTES + 2);
  });

  it("is served in ranges, and not again to whom has it", async () => {
    const { execId } = await executionOf("bytes");
    const path = `${TENANT}/executions/${execId}/result`;
    const whole = await get(path);
    expect(whole.headers.get("content-type")).toBe("video/x-test");
    const bytes = await whole.bytes();
    const part = async (range: string) => {
      const answer = await get(path, { range });
      return [answer.status, answer.headers.get("content-range"), await answer.bytes()];
    };
    const from = 2 * 65_536 - 1;
    expect(await part(`bytes=${from}-${from + 1}`)).toEqual([
      206,
      `bytes ${from}-${from + 1}/${BYTES}`,
      bytes.slice(from, from + 2),
    ]);
    expect(await part("bytes=-1")).toEqual([
      206,
      `bytes ${BYTES - 1}-${BYTES - 1}/${BYTES}`,
      bytes.slice(-1),
    ]);
    const etag = whole.headers.get("etag") ?? "";
    expect((await get(path, { "if-none-match": etag })).status).toBe(304);
    expect((await get(path, { "if-match": '"other"' })).status).toBe(412);
  });

  it("is not there where it failed, where it is of another tenant, or where it was deleted", async () => {
    const { execId } = await executionOf("throws");
    const failed = await send("GET", `${TENANT}/executions/${execId}/result`);
    expect(failed.body).toMatchObject({
      status: 404,
      code: "result_not_found",
      detail: expect.stringContaining("it broke"),
    });
    expect((await send("GET", `${TENANT}/executions/none/result`)).body.code).toBe("execution_not_found");
    const { lifetime } = await executionOf("bytes");
    const { uri } = lifetime.output[0].result.external;
    expect((await send("GET", uri, { key: "bound-key" })).body.code).toBe("forbidden");
    const moved = uri.replace(TENANT, "/v1/tenants/bound");
    expect((await send("GET", moved, { key: "bound-key" })).body.code).toBe("blob_not_found");
    await env.BLOBS.delete(`blobs/${uri.slice(`${TENANT}/blobs/`.length)}`);
    expect((await send("GET", uri)).body.code).toBe("blob_not_found");
  });
});

/** Starts a lifetime, and answers its first task from outside with a result that is kept at a place of its own. */
const answeredElsewhere = async (graph: string, uri: string | ((lifetime: string) => Promise<string>)) => {
  const { body } = await send("POST", `${TENANT}/graphs/${graph}/lifetimes`, { json: {} });
  const { lifetime } = body;
  const external_data = {
    uri: typeof uri === "string" ? uri : await uri(lifetime),
    metadata: { ours: "no" },
  };
  const header = {
    name: "elsewhere",
    input_id: `${lifetime}:2`,
    status: "EXECUTION_STATUS_SUCCEEDED",
    exec_id: lifetime,
  };
  const produced = await send("POST", `${TENANT}/topics/task-executions/records`, {
    json: { header, result: { id: lifetime, external_data } },
  });
  expect(produced.body).toMatchObject({ outcome: "recorded" });
  const ended = await send("GET", `${TENANT}/lifetimes/${lifetime}?wait=30s`);
  const execution = await send("GET", `${TENANT}/executions/${lifetime}`);
  expect(execution.body.result).toEqual({ external: external_data });
  return ended.body;
};

describe("a payload of an executor elsewhere", () => {
  it("is uploaded as it comes, and read by the next node", async () => {
    let type: string | undefined;
    const ended = await answeredElsewhere("sums", async (lifetime) => {
      let sent = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (sent === 128) controller.close();
          else controller.enqueue(new Uint8Array(65_536).fill(sent++));
        },
      });
      const uploaded = await send("POST", `${TENANT}/lifetimes/${lifetime}/blobs`, {
        body,
        headers: { "content-type": "video/x-test" },
      });
      expect(uploaded).toMatchObject({
        status: 201,
        body: { metadata: { content_type: "video/x-test", bytes: String(128 * 65_536) } },
      });
      expect(uploaded.headers.get("location")).toBe(uploaded.body.uri);
      type = (await get(uploaded.body.uri)).headers.get("content-type") ?? "";
      return uploaded.body.uri;
    });
    expect(type).toBe("video/x-test");
    // What it says of itself is the producer's to say; what is read is what lies there.
    const { bytes, sum } = sumOf(128 * 65_536);
    expect(ended).toMatchObject({ status: "SUCCEEDED", output: [{ result: { bytes, sum } }] });
  });

  it.each([
    [
      "https://elsewhere.example/result",
      /^here: invalid_input: a result is kept at https:.* nothing of this tenant/,
    ],
    [
      "/v1/tenants/bound/blobs/1/l/n",
      /^here: invalid_input: a result is kept at \/v1\/tenants\/bound\/.* nothing of this/,
    ],
    [`${TENANT}/blobs/1/l/n`, /^here: payload_missing: nothing is kept at /],
  ])("at %s is passed on, and no node of ours reads it", async (uri, message) => {
    expect(await answeredElsewhere("sums", uri)).toMatchObject({
      status: "FAILED",
      reason: { code: "node_failed", detail: expect.stringMatching(message) },
    });
  });

  it("leaves nothing where its lifetime is deleted while it comes", async () => {
    const { lifetime } = (await send("POST", `${TENANT}/graphs/sums/lifetimes`, { json: {} })).body;
    const path = `${TENANT}/lifetimes/${lifetime}`;
    const goes: UnderlyingSource<Uint8Array> = {
      pull: async (controller) => {
        expect((await send("POST", `${path}:cancel`, { json: {} })).status).toBe(200);
        expect((await send("DELETE", path)).status).toBe(204);
        controller.enqueue(new Uint8Array(1_024));
        controller.close();
      },
    };
    // Nothing is asked of it before the gateway has found its lifetime.
    const body = new ReadableStream(goes, { highWaterMark: 0 });
    const uploaded = await send("POST", `${path}/blobs`, { body });
    expect(uploaded.body.code).toBe("lifetime_not_found");
    expect((await env.BLOBS.list({ prefix: lifetimePrefix("blobs", 1, lifetime) })).objects).toEqual([]);
  });

  it("is refused where it is too large, or its lifetime has ended or never was", async () => {
    const { lifetime } = (await executionOf("small")).lifetime;
    const upload = (of: string, body: BodyInit = "x") =>
      send("POST", `${TENANT}/lifetimes/${of}/blobs`, { body });
    expect((await upload(lifetime)).body.code).toBe("illegal_transition");
    expect((await upload("none")).body.code).toBe("lifetime_not_found");
    const running = (await send("POST", `${TENANT}/graphs/sums/lifetimes`, { json: {} })).body.lifetime;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1_048_576)),
    });
    expect((await upload(running, endless)).body.code).toBe("body_too_large");
    expect((await upload(running, new Uint8Array(RESULT_BYTES_MAX + 1))).body.code).toBe("body_too_large");
    expect((await env.BLOBS.list({ prefix: `blobs/1/${running}/` })).objects).toEqual([]);
    await send("POST", `${TENANT}/lifetimes/${running}:cancel`, { json: {} });
  });
});

it("a blob that nobody wants when it is whole is not kept", async () => {
  let wanted = true;
  const chunks = function* () {
    yield new Uint8Array(1_024);
    wanted = false;
  };
  const kept = { type: "video/x-test", bytesMax: 2_048, isWanted: () => wanted };
  await expect(storeBlob(env.BLOBS, "blobs/unwanted", kept, chunks())).rejects.toThrow(/nobody waits/);
  expect(await env.BLOBS.head("blobs/unwanted")).toBe(null);
});
