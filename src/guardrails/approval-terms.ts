/**
 * On what terms an approval is asked for: who may answer, how many have to agree, by when, and what follows
 * where nobody does. Written the same way on a node of kind `human` and in a policy.
 */
import { z } from "zod";
import { duration } from "../graph/validation/readers.ts";
import { APPROVERS_MAX, LIFETIME_TIMEOUT_MS_MAX, NAME_CHARS_MAX } from "../limits.ts";

export const EXPIRY_ACTIONS = ["approve", "reject", "abort"] as const;
export type ExpiryAction = (typeof EXPIRY_ACTIONS)[number];

export interface ApprovalTerms {
  /** Names of credentials and people; `role:operator` is everybody with that role. */
  readonly who: readonly string[];
  /** How many of them have to agree. */
  readonly quorum: number;
  /** Milliseconds in which an answer is due; absent is as long as there is. */
  readonly due?: number | undefined;
  /** Who may answer as well once that has passed; they have the same time again. */
  readonly escalate_to?: readonly string[] | undefined;
  /** What follows when nobody has answered in time. */
  readonly on_expiry?: ExpiryAction | undefined;
}

const ROLE_PREFIX = "role:";
const APPROVER = /^(role:(reader|operator|admin)|(?!role:).+)$/;

/** What an entry of `who` says of somebody with these roles. A name is never taken for a role. */
export const isNamed = (who: readonly string[], name: string, roles: readonly string[]): boolean =>
  (who.includes(name) && !isRole(name)) || roles.some((role) => who.includes(`${ROLE_PREFIX}${role}`));

export const isRole = (entry: string): boolean => entry.startsWith(ROLE_PREFIX);

const approver = z
  .string()
  .min(1)
  .max(NAME_CHARS_MAX)
  .regex(APPROVER, 'write a name, or "role:" with reader, operator or admin');

/** A list, or one text with commas, as DOT writes it. */
const approvers = z
  .union([z.array(z.string()), z.string().transform((text) => text.split(",").map((entry) => entry.trim()))])
  .pipe(z.array(approver).min(1).max(APPROVERS_MAX));

const read = duration(1, LIFETIME_TIMEOUT_MS_MAX);

/** Milliseconds, once read. */
const due = z.union([z.string(), z.number()]).transform((value, check) => {
  const ms = read(value);
  if (ms.ok) return ms.value;
  check.addIssue(`write ${ms.error}`);
  return z.NEVER;
});

/** Members of a larger object; `termsFault` says what is wrong with them together. */
export const approvalTerms = {
  who: approvers.default(["role:operator"]),
  quorum: z.int().min(1).max(APPROVERS_MAX).default(1),
  due: due.optional(),
  escalate_to: approvers.optional(),
  on_expiry: z.enum(EXPIRY_ACTIONS).optional(),
};

export const termsFault = ({
  who,
  quorum,
  due,
  escalate_to,
  on_expiry,
}: ApprovalTerms): string | undefined => {
  const all = new Set([...who, ...(escalate_to ?? [])]);
  if (![...all].some(isRole) && all.size < quorum)
    return `quorum is ${quorum}, and who names ${all.size}; nobody could ever agree to it`;
  if (due === undefined && (escalate_to !== undefined || on_expiry !== undefined))
    return "escalate_to and on_expiry say what follows when due has passed; set due";
  return undefined;
};
