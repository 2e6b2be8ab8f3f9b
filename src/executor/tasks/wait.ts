/**
 * Waits for a signal, for a duration, or until an instant. No executor runs it: the control plane ends it, so
 * it costs no call and holds no lease. Here is what its settings may be, and what they say.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { duration } from "../../graph/validation/readers.ts";
import { LIFETIME_TIMEOUT_MS_MAX, NAME_CHARS_MAX } from "../../limits.ts";
import { TerminalError } from "../failure.ts";
import { defineTask, type Task } from "../node.ts";

/** The kind by which the control plane knows it. */
export const WAIT = "wait";

const DATE_TIME = z.iso.datetime({ offset: true });

/** RFC 3339 → milliseconds since the epoch. */
export const instantOf = (value: JsonValue | undefined): number | undefined =>
  typeof value === "string" && DATE_TIME.safeParse(value).success ? Date.parse(value) : undefined;

const PATH = /^(input|parameters|results)(\.[A-Za-z_]\w*|\[\d+\])*$/;
const STEP = /[A-Za-z_]\w*|\d+/g;

/** What a path such as `input.order.due` leads to; undefined where it leads nowhere. */
export const valueAt = (path: string, variables: JsonValue): JsonValue | undefined => {
  let value: JsonValue | undefined = variables;
  for (const [step] of path.matchAll(STEP)) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = Reflect.get(value, step) as JsonValue;
  }
  return value;
};

const bound = duration(1, LIFETIME_TIMEOUT_MS_MAX);

const settings = z
  .object({
    signal: z.string().min(1).max(NAME_CHARS_MAX).optional(),
    /** Milliseconds, once read. */
    for: z
      .union([z.string(), z.number()])
      .transform((value, check) => {
        const read = bound(value);
        if (read.ok) return read.value;
        check.addIssue(`write ${read.error}`);
        return z.NEVER;
      })
      .optional(),
    until: z
      .string()
      .refine(
        (text) => PATH.test(text) || instantOf(text) !== undefined,
        `write an instant as in RFC 3339, such as "2026-01-31T12:00:00Z", or where the input has it, such as "input.due"`,
      )
      .optional(),
  })
  .refine(
    (given) => Object.values(given).filter((value) => value !== undefined).length === 1,
    "say what for with one of signal, for and until",
  );

export type WaitSettings = z.output<typeof settings>;

export const wait: Task<unknown, unknown, WaitSettings> = {
  ...defineTask(WAIT, {
    input: z.unknown(),
    output: z.unknown(),
    settings,
    run: () => {
      throw new TerminalError("a wait is ended by the control plane and answered by no executor");
    },
  }),
  timeoutMsMax: LIFETIME_TIMEOUT_MS_MAX,
};
