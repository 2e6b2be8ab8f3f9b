/**
 * Asks people and waits for their answer, which a JSON schema may bound. No executor runs it: the control plane
 * opens an approval and ends the task by what is answered. Here is what its settings may be, and what they ask.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { answerSchema, checkAnswer } from "../../guardrails/answer-schema.ts";
import { approvalTerms, termsFault } from "../../guardrails/approval-terms.ts";
import { APPROVAL_TEXT_CHARS_MAX, APPROVAL_TITLE_CHARS_MAX, LIFETIME_TIMEOUT_MS_MAX } from "../../limits.ts";
import { ok, type Result } from "../../result.ts";
import { TerminalError } from "../failure.ts";
import { defineTask, type Task } from "../node.ts";
import { parseTemplate, renderText } from "../template.ts";

/** The kind by which the control plane knows it. */
export const HUMAN = "human";

const template = z.string().superRefine((text, check) => {
  const parts = parseTemplate(text);
  if (!parts.ok) check.addIssue(parts.error);
});

/** DOT writes an object as text, which is read as JSON where it is refused as it stands. */
const isPlain = (value: JsonValue): boolean => typeof value !== "string" || !/^\s*[{[]/.test(value);

const settings = z
  .object({
    title: template,
    description: template.optional(),
    /** Of the answer; any JSON where absent. */
    schema: answerSchema.optional(),
    /** The answer that stands where nobody gave one and `on_expiry` approves. */
    expiry_answer: z.json().refine(isPlain, "is JSON as text").optional(),
    ...approvalTerms,
  })
  .superRefine((given, check) => {
    const fault = termsFault(given);
    if (fault !== undefined) check.addIssue(fault);
    if (given.on_expiry !== "approve") {
      if (given.expiry_answer !== undefined) check.addIssue('expiry_answer is for on_expiry "approve"');
    } else if (given.schema && !checkAnswer(given.schema, given.expiry_answer ?? null).ok)
      check.addIssue({
        code: "custom",
        path: ["expiry_answer"],
        message: "stands where nobody answers, so it has to be what schema accepts",
      });
  });

export type HumanSettings = z.output<typeof settings>;

export const human: Task<unknown, unknown, HumanSettings> = {
  ...defineTask(HUMAN, {
    input: z.unknown(),
    output: z.unknown(),
    settings,
    run: () => {
      throw new TerminalError("a person is asked by the control plane; no executor answers for them");
    },
  }),
  timeoutMsMax: LIFETIME_TIMEOUT_MS_MAX,
};

export interface Question {
  readonly title: string;
  readonly description?: string;
}

export const questionOf = (
  { title, description }: Pick<HumanSettings, "title" | "description">,
  variables: Readonly<Record<string, JsonValue>>,
): Result<Question, string> => {
  const asked = rendered(title, variables, APPROVAL_TITLE_CHARS_MAX);
  if (!asked.ok || description === undefined) return asked.ok ? ok({ title: asked.value }) : asked;
  const more = rendered(description, variables, APPROVAL_TEXT_CHARS_MAX);
  return more.ok ? ok({ title: asked.value, description: more.value }) : more;
};

const rendered = (
  text: string,
  variables: Readonly<Record<string, JsonValue>>,
  charsMax: number,
): Result<string, string> => {
  const parts = parseTemplate(text);
  const value = parts.ok ? renderText(parts.value, variables) : parts;
  return value.ok ? ok(value.value.slice(0, charsMax).toWellFormed()) : value;
};
