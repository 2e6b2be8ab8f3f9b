/**
 * The JSON schema of an answer. What it may hold is a closed part of JSON Schema, because what is not checked must
 * not look as if it were: an unknown word is a fault, and so is one that would count only for values of some type
 * where no type is said. There is no `pattern`: an expression can be written that takes hours to say no to an answer,
 * and answers are checked where a whole tenant waits.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { ANSWER_SCHEMA_BYTES_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";

const TYPES = ["object", "array", "string", "number", "integer", "boolean", "null"] as const;
const FORMATS = ["date-time", "date", "time", "email", "uri", "uuid"] as const;
const primitive = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const count = z.int().min(0);

const OF_TYPE: Readonly<Record<string, (typeof TYPES)[number]>> = {
  properties: "object",
  required: "object",
  additionalProperties: "object",
  items: "array",
  minItems: "array",
  maxItems: "array",
  minLength: "string",
  maxLength: "string",
  format: "string",
};

const subschema: z.ZodType = z.lazy(() => form);

const form = z
  .strictObject({
    $schema: z.string().optional(),
    title: z.string().optional(),
    description: z.string().optional(),
    type: z.enum(TYPES).optional(),
    enum: z.array(primitive).min(1).optional(),
    const: primitive.optional(),
    anyOf: z.array(subschema).min(1).optional(),
    properties: z.record(z.string(), subschema).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), subschema]).optional(),
    items: subschema.optional(),
    minItems: count.optional(),
    maxItems: count.optional(),
    minLength: count.optional(),
    maxLength: count.optional(),
    format: z.enum(FORMATS).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    exclusiveMinimum: z.number().optional(),
    exclusiveMaximum: z.number().optional(),
    multipleOf: z.number().positive().optional(),
  })
  .superRefine((schema, check) => {
    const { $schema: _, title: __, description: ___, type, ...words } = schema;
    const given = Object.keys(words);
    const whole = given.filter((word) => word === "enum" || word === "const" || word === "anyOf");
    if (whole.length > 0 && (given.length > 1 || type !== undefined))
      check.addIssue(`${whole[0]} stands alone; leave out the other words beside it`);
    else if (whole.length === 0)
      for (const word of given) {
        const wanted = OF_TYPE[word] ?? "number";
        if (type !== wanted && !(wanted === "number" && type === "integer"))
          check.addIssue(`${word} is for type ${wanted}; say "type": "${wanted}" beside it`);
      }
    for (const name of schema.required ?? [])
      if (!Object.hasOwn(schema.properties ?? {}, name))
        check.addIssue(`required names ${name}, which is none of the properties`);
  });

/** A setting: JSON that can be checked by `checkAnswer`. */
export const answerSchema = form.refine(
  (schema) => JSON.stringify(schema).length <= ANSWER_SCHEMA_BYTES_MAX,
  `has more than ${ANSWER_SCHEMA_BYTES_MAX} characters`,
);

export type AnswerSchema = z.output<typeof answerSchema>;

/** What is wrong with an answer, field by field. */
export const checkAnswer = (
  schema: AnswerSchema,
  value: JsonValue,
): Result<void, readonly { readonly path: string; readonly detail: string }[]> => {
  const parsed = z.fromJSONSchema(schema as z.core.JSONSchema.JSONSchema).safeParse(value);
  if (parsed.success) return ok(undefined);
  return err(
    parsed.error.issues.map(({ path, message }) => ({
      path: path.map(String).join("."),
      detail: message.replace(/^Invalid input: /, ""),
    })),
  );
};
