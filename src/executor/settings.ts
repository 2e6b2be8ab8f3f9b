/**
 * Raw settings of a node → settings that its schema accepts. DOT writes every value as a string, so a string
 * that the schema does not take is read as JSON once: "3", "true", "[1, 2]".
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { JSON_DEPTH_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { asJson } from "./json.ts";
import type { SettingsSchema } from "./node.ts";
import { issueText } from "./verify.ts";

const readJson = (text: string): JsonValue => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

export const parseSettings = (
  schema: SettingsSchema,
  raw: JsonObject,
): Result<JsonObject, readonly string[]> => {
  const strict = schema.safeParse(raw);
  const refused = new Set(strict.error?.issues.map(({ path }) => path[0]));
  const coerced = Object.entries(raw).map(([name, value]): [string, JsonValue] => [
    name,
    typeof value === "string" && refused.has(name) ? readJson(value) : value,
  ]);
  const parsed = strict.success ? strict : schema.safeParse(Object.fromEntries(coerced));
  if (!parsed.success) return err(parsed.error.issues.map((issue) => `setting ${issueText(issue)}`));
  const json = asJson(parsed.data, JSON_DEPTH_MAX);
  return json.ok ? ok(json.value as JsonObject) : err([`setting ${json.error}`]);
};
