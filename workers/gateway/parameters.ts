/** Parameters that several resources take, each checked and documented once. */
import { z } from "@hono/zod-openapi";
import {
  ATTEMPTS_MAX,
  CURSOR_CHARS_MAX,
  LABELS_MAX,
  NAME_CHARS_MAX,
  PAGE_ITEMS,
  PAGE_ITEMS_MAX,
  WAIT_MS_MAX,
} from "../../src/limits.ts";
import { TENANT_ID } from "../../src/topics/tenant.ts";
import { EXPIRES, SIGNATURE } from "../../src/wire/reference.ts";

export const TENANT = "/v1/tenants/{tenant}";

export const tenantId = z
  .string()
  .regex(TENANT_ID, "write 1 to 50 letters, digits, hyphens or underscores")
  .openapi({ example: "acme" });

/** A name or an id; whether it exists is not said here. */
export const id = z.string().min(1).max(NAME_CHARS_MAX);

export const ofTenant = z.strictObject({ tenant: tenantId });

const DURATION = /^(\d{1,9})(ms|s)?$/;

/** "30s", "500ms" or seconds → milliseconds. */
export const wait = z
  .string()
  .regex(DURATION, "write a duration such as 30s or 500ms")
  .transform((text) => {
    const [, digits, unit] = DURATION.exec(text) ?? [];
    return Number(digits) * (unit === "ms" ? 1 : 1_000);
  })
  .refine((ms) => ms <= WAIT_MS_MAX, `wait at most ${WAIT_MS_MAX / 1_000}s, and ask again`)
  .optional()
  .openapi({ type: "string", example: "30s", description: "How long to wait for what is asked for" });

const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, "write a whole number")
    .transform(Number)
    .refine((number) => number >= min && number <= max, `write a number from ${min} to ${max}`)
    .openapi({ type: "integer", minimum: min, maximum: max });

const items = wholeNumber(1, PAGE_ITEMS_MAX);

export const limit = items.default(PAGE_ITEMS);

export const offset = wholeNumber(0, Number.MAX_SAFE_INTEGER).default(0);

/** What a path was signed with, for who has no key. */
export const signed = z.strictObject({
  [EXPIRES]: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  [SIGNATURE]: z.string().max(CURSOR_CHARS_MAX).optional(),
});

/** Of a topic in Kafka. */
export const partition = wholeNumber(0, 2 ** 31 - 1);

export const eventId = wholeNumber(0, Number.MAX_SAFE_INTEGER).optional();

export const version = wholeNumber(1, Number.MAX_SAFE_INTEGER);

export const cursor = z
  .string()
  .max(CURSOR_CHARS_MAX)
  .optional()
  .openapi({ description: "`next_cursor` of the page before" });

/** RFC 3339 → milliseconds since the epoch. */
export const time = z.iso
  .datetime({ offset: true, error: "write a time as in RFC 3339, such as 2026-01-31T12:00:00Z" })
  .transform((text) => Date.parse(text))
  .optional()
  .openapi({ type: "string", format: "date-time" });

/** Where no limit is given a page has its default, and an export has none. */
export const paging = { limit: items.optional().openapi({ default: PAGE_ITEMS }), cursor };

/** A parameter that may be given several times. */
const several = <Item>(item: z.ZodType<Item, string>, countMax: number) =>
  z
    .union([z.string(), z.array(z.string()).max(countMax)])
    .transform((given, c): Item[] =>
      [given].flat().flatMap((each) => {
        const parsed = item.safeParse(each);
        if (parsed.success) return [parsed.data];
        for (const { message } of parsed.error.issues) c.addIssue(message);
        return [];
      }),
    )
    .optional();

export const labels = several(
  z.string().refine((label) => label.includes(":"), "write key:value"),
  LABELS_MAX,
).openapi({
  type: "array",
  items: { type: "string" },
  example: ["customer:acme"],
  description: "Of lifetimes that have this label, or all of these",
});

export const statuses = <Status extends string>(of: readonly Status[]) =>
  several(z.enum(of), of.length).openapi({
    type: "array",
    items: { type: "string", enum: [...of] },
    description: "This one, or any of these",
  });

export const attempt = wholeNumber(1, ATTEMPTS_MAX).optional();

/** `{verb}_after` is in it, `{verb}_before` is not. */
export const period = <Verb extends string>(verb: Verb) =>
  ({ [`${verb}_after`]: time, [`${verb}_before`]: time }) as Record<
    `${Verb}_${"after" | "before"}`,
    typeof time
  >;

export const periodOf = <Verb extends string>(
  verb: Verb,
  query: { readonly [K in `${Verb}_${"after" | "before"}`]?: number | undefined },
) => ({ from: query[`${verb}_after`], until: query[`${verb}_before`] });
