/** The result of an execution by itself, wherever it lies: in its message, in a blob, or with another execution. */
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";
import { decodeExecution, isPlan } from "../../src/wire/codec.ts";
import type { StoredData } from "../../src/wire/gen/escapement/v1/execution_pb.ts";
import { readPayload } from "../../src/wire/payload.ts";
import { BYTES_TYPE, pathOf, referenceOf } from "../../src/wire/reference.ts";
import type { ExecutionDetail } from "../data-plane/execution-rows.ts";
import { Api, route } from "./api.ts";
import { serveBlob } from "./blobs.ts";
import { resultOf } from "./lifetime-json.ts";
import { readProjected } from "./list.ts";
import { id, ofTenant, signed, TENANT } from "./parameters.ts";
import { problem } from "./problem.ts";
import { bytes } from "./responses.ts";

const getResult = route("reader", {
  method: "get",
  path: `${TENANT}/executions/{exec_id}/result`,
  summary: "The result of an execution by itself",
  request: { params: ofTenant.extend({ exec_id: id }), query: signed },
  responses: {
    ...bytes("JSON, or the payload of its content type"),
    307: { description: "It is the result of another execution" },
  },
});

const answer = (body: BodyInit, type: string): Response =>
  new Response(body, { headers: { "content-type": type, "x-content-type-options": "nosniff" } });

const serveStored = async (
  env: Env,
  tenant: string,
  stored: StoredData,
  request: Request,
): Promise<Result<Response, Rejection>> => {
  const reference = referenceOf(stored, tenant);
  if (reference === undefined)
    return reject("result_not_found", `it is kept at ${stored.uri}, which is nothing of this tenant`);
  if (reference.in === "blobs") return serveBlob(env.BLOBS, reference.key, request);
  return ok(new Response(null, { status: 307, headers: { location: pathOf(stored.uri) } }));
};

const serveResult = async (
  env: Env,
  tenant: string,
  row: ExecutionDetail,
  request: Request,
): Promise<Result<Response, Rejection>> => {
  const decoded = decodeExecution(row.kind, row.message);
  if (!decoded.ok) throw new Error(`execution ${row.execId} is ${decoded.error}`);
  const execution = decoded.value;
  if (execution.result?.errorMessage)
    return reject("result_not_found", `it has none: ${execution.result.errorMessage}`);
  if (isPlan(execution)) return ok(Response.json(resultOf(execution)));
  const result = execution.result?.data;
  if (result?.case === "externalData") return serveStored(env, tenant, result.value, request);
  if (result?.case !== "inlineData") return reject("result_not_found", "it has none");
  const payload = readPayload(result.value);
  return ok("json" in payload ? Response.json(payload.json) : answer(payload.bytes, BYTES_TYPE));
};

export const results = new Api().openapi(getResult, async (c) => {
  const { tenant, exec_id } = c.req.valid("param");
  const read = await readProjected(c.env, tenant, (queries) => queries.getExecution(tenant, exec_id));
  if (!read.ok) return problem(c, read.error);
  if (read.value === undefined)
    return problem(c, { code: "execution_not_found", detail: `no execution ${exec_id} in this tenant` });
  const served = await serveResult(c.env, tenant, read.value, c.req.raw);
  return served.ok ? served.value : problem(c, served.error);
});
