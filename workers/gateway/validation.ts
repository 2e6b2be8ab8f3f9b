/** What came in, held against a zod schema: the value, or a rejection that names every wrong field. */
import type { z } from "zod";
import { type Rejection, reject } from "../../src/rejection.ts";
import { ok, type Result } from "../../src/result.ts";

/** Where it came from, in words for the detail. */
export type Part = "path" | "query" | "headers" | "body";

const pathOf = (path: readonly PropertyKey[]): string => path.map(String).join(".");

const fieldsOf = (issue: z.core.$ZodIssue) =>
  issue.code === "unrecognized_keys"
    ? issue.keys.map((key) => ({ path: pathOf([...issue.path, key]), detail: "not known; leave it out" }))
    : [{ path: pathOf(issue.path), detail: issue.message }];

export const validate = <T>(schema: z.ZodType<T>, value: unknown, part: Part): Result<T, Rejection> => {
  const parsed = schema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  const { issues } = parsed.error;
  const fields = issues.flatMap(fieldsOf);
  const unknown = issues.filter((issue) => issue.code === "unrecognized_keys").flatMap(fieldsOf);
  if (unknown.length > 0) {
    const names = unknown.map(({ path }) => path).join(", ");
    return reject("unknown_fields", `unknown in the ${part}: ${names}`, { fields });
  }
  const wrong = fields.map(({ path, detail }) => (path ? `${path}: ${detail}` : detail)).join("; ");
  return reject("invalid_request", `not valid in the ${part}: ${wrong}`, { fields });
};
