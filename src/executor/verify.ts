/** Holds values against the schemas of a node. What does not match is a NodeError that no attempt can mend. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { INLINE_BYTES_MAX, JSON_DEPTH_MAX, PARAMETERS_DEPTH_MAX, PROGRESS_BYTES_MAX } from "../limits.ts";
import type { RuntimeErrorCode } from "../wire/error-message.ts";
import { NodeError } from "./failure.ts";
import { asJson, pathText } from "./json.ts";

/** Enough to mend a value by; the rest comes with the next attempt. */
const ISSUES_SHOWN = 10;

export const issueText = ({ path, message }: z.core.$ZodIssue): string => {
  const what = message.replace(/^Invalid input: /, "");
  return path.length === 0 ? what : `${pathText(path)}: ${what}`;
};

const failed = (code: RuntimeErrorCode, detail: string) => new NodeError(code, detail);

export const verify = <Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  code: RuntimeErrorCode,
): z.output<Schema> => {
  let parsed: z.ZodSafeParseResult<z.output<Schema>>;
  try {
    parsed = schema.safeParse(value);
  } catch (cause) {
    throw failed(code, (cause as Error).message);
  }
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  const shown = issues.slice(0, ISSUES_SHOWN).map(issueText).join("; ");
  throw failed(
    code,
    issues.length > ISSUES_SHOWN ? `${shown}; and ${issues.length - ISSUES_SHOWN} more` : shown,
  );
};

export const verifyOutput = (schema: z.ZodType, value: unknown): JsonValue => {
  const json = asJson(verify(schema, value, "invalid_output"), JSON_DEPTH_MAX);
  if (!json.ok)
    throw failed("invalid_output", `${json.error}; the bound is ${JSON_DEPTH_MAX} levels of JSON`);
  return json.value;
};

/** What a task returns whose output is a payload. */
export const verifyBody = (value: unknown): Iterable<Uint8Array> | ReadableStream<Uint8Array> => {
  if (value instanceof Uint8Array) return [value];
  if (value instanceof ReadableStream) return value as ReadableStream<Uint8Array>;
  throw failed("invalid_output", "its output is a payload; return a Uint8Array or a ReadableStream of them");
};

export const verifySize = (what: string, bytes: number, bytesMax = INLINE_BYTES_MAX): void => {
  if (bytes <= bytesMax) return;
  throw failed("result_too_large", `${what} has ${bytes} bytes, and the bound is ${bytesMax}; return less`);
};

/** What a node says of its progress, as JSON text. */
export const progressText = (progress: unknown): string => {
  const json = asJson(progress, JSON_DEPTH_MAX);
  if (!json.ok) throw new NodeError("error", `heartbeat: of the progress, ${json.error}`);
  const text = JSON.stringify(json.value);
  if (new TextEncoder().encode(text).byteLength <= PROGRESS_BYTES_MAX) return text;
  throw new NodeError("error", `heartbeat: the progress may have ${PROGRESS_BYTES_MAX} bytes; say less`);
};

const decision = z.union([
  z.array(z.string()),
  z.strictObject({
    next: z.array(z.string()),
    parameters: z.record(z.string(), z.record(z.string(), z.unknown())).optional(),
  }),
]);

export interface Decided {
  readonly next: readonly string[];
  readonly parameters: Readonly<Record<string, JsonObject>>;
}

const EXPECTED = "a plan returns task names, or { next: names, parameters?: { [task]: object } }";

export const verifyDecision = (value: unknown): Decided => {
  const parsed = decision.safeParse(value);
  if (!parsed.success) throw failed("invalid_output", EXPECTED);
  if (Array.isArray(parsed.data)) return { next: parsed.data, parameters: {} };
  const { next, parameters = {} } = parsed.data;
  for (const name of Object.keys(parameters))
    if (!next.includes(name))
      throw failed("invalid_output", `parameters.${name} is for a task that next does not name`);
  const json = asJson(parameters, PARAMETERS_DEPTH_MAX);
  if (!json.ok)
    throw failed(
      "invalid_output",
      `in parameters, ${json.error}; the bound is ${PARAMETERS_DEPTH_MAX} levels`,
    );
  verifySize(
    "what the plan gives its tasks",
    new TextEncoder().encode(JSON.stringify(json.value)).byteLength,
  );
  return { next, parameters: json.value as Record<string, JsonObject> };
};
