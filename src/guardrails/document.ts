/**
 * The document of a policy as people write it, in YAML or JSON: its published schema, and what is wrong with one,
 * with the place. What is stored is the complete document, every default written out.
 */
import type { JsonObject } from "@bufbuild/protobuf";
import { parseDocument } from "yaml";
import { z } from "zod";
import { NAME_CHARS_MAX, POLICY_BYTES_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { approvalTerms, termsFault } from "./approval-terms.ts";
import { ON_ERROR, POLICY_ACTIONS, POLICY_EVENTS, POLICY_MODES, type Policy } from "./policy.ts";
import { programOf } from "./program.ts";

const name = z.string().min(1).max(NAME_CHARS_MAX);
export const POLICY_NAME = /^[a-z0-9][a-z0-9_-]{0,99}$/;

const approval = z.strictObject(approvalTerms);

export const policyDocument = z.strictObject({
  name: z.string().regex(POLICY_NAME).describe("Lower case letters, digits, - and _"),
  description: z.string().max(1_000).optional(),
  scope: z
    .strictObject({ graph: name.optional(), node: name.optional() })
    .default({})
    .describe("The whole tenant where empty"),
  on: z.union([z.enum(POLICY_EVENTS), z.array(z.enum(POLICY_EVENTS)).min(1)]).describe("When it is asked"),
  when: z.string().default("true").describe("CEL: true where it matches"),
  action: z.enum(POLICY_ACTIONS),
  message: z.string().min(1).max(1_000),
  route_to: name.optional().describe("Of ROUTE_TO: a task of the plan"),
  approval: approval.optional().describe("Of REQUIRE_APPROVAL"),
  on_error: z
    .enum(ON_ERROR)
    .optional()
    .describe("Whether an expression that fails counts as a match: closed, but open for WARN"),
  mode: z.enum(POLICY_MODES).default("enforce"),
  labels: z.record(z.string().max(100), z.string().max(1_000)).default({}),
  effective_from: z.iso.datetime({ offset: true }).optional(),
  effective_until: z.iso.datetime({ offset: true }).optional(),
});

/** With every default written out. */
export type PolicyDocument = z.output<typeof policyDocument>;

/** JSON Schema of what people write. */
export const policySchema = (): JsonObject =>
  z.toJSONSchema(policyDocument, { io: "input" }) as unknown as JsonObject;

export interface PolicyFault {
  /** Of the field, as in JSON; of the text where it does not parse: its line and column. */
  readonly path: string;
  readonly detail: string;
}

/** YAML, and so JSON. */
export const readPolicy = (text: Uint8Array): Result<PolicyDocument, readonly PolicyFault[]> => {
  if (text.byteLength > POLICY_BYTES_MAX)
    return err([
      { path: "", detail: `${text.byteLength} bytes; a policy has ${POLICY_BYTES_MAX} at the most` },
    ]);
  const parsed = parseDocument(new TextDecoder().decode(text), { prettyErrors: true, uniqueKeys: true });
  if (parsed.errors.length > 0)
    return err(
      parsed.errors.map(({ message, linePos }) => ({
        path: linePos ? `${linePos[0].line}:${linePos[0].col}` : "",
        detail: message.split(" at line ", 1)[0] ?? message,
      })),
    );
  let json: unknown;
  try {
    json = parsed.toJS({ maxAliasCount: 0 });
  } catch {
    return err([{ path: "", detail: "it has aliases; write out what they stand for" }]);
  }
  const read = policyDocument.safeParse(json);
  if (!read.success)
    return err(read.error.issues.map(({ path, message }) => ({ path: path.join("."), detail: message })));
  const faults = faultsOf(read.data);
  return faults.length > 0 ? err(faults) : ok(read.data);
};

/** Where people decide, or tasks are chosen. */
const ACTIONS_ON: Readonly<Record<string, readonly string[]>> = {
  ROUTE_TO: ["plan_execution"],
  REQUIRE_APPROVAL: ["lifetime_start", "plan_input", "task_input"],
};

const faultsOf = (document: PolicyDocument): PolicyFault[] => {
  const { action, route_to, approval, effective_from, effective_until, when, scope } = document;
  const faults: PolicyFault[] = [];
  const say = (path: string, detail: string) => faults.push({ path, detail });
  const on = eventsOf(document);
  const possible = ACTIONS_ON[action];
  const not = possible && on.find((each) => !possible.includes(each));
  if (not) say("action", `${action} is for ${possible.join(", ")}, not for ${not}`);
  if ((action === "ROUTE_TO") !== (route_to !== undefined))
    say("route_to", action === "ROUTE_TO" ? "ROUTE_TO needs it" : "it is of ROUTE_TO alone");
  if (approval !== undefined && action !== "REQUIRE_APPROVAL")
    say("approval", "it is of REQUIRE_APPROVAL alone");
  const terms = approval && termsFault(approval);
  if (terms) say("approval", terms);
  if (scope.node !== undefined && on.includes("lifetime_start"))
    say("scope.node", "a lifetime starts at no node");
  if (effective_from && effective_until && Date.parse(effective_from) >= Date.parse(effective_until))
    say("effective_until", "it is not after effective_from");
  for (const event of on) {
    const program = programOf(when, event);
    if (program.ok) continue;
    say("when", program.error);
    break;
  }
  return faults;
};

const eventsOf = ({ on }: PolicyDocument) => (typeof on === "string" ? [on] : [...new Set(on)]);

/** Where a policy says none of its own. */
const TERMS = approval.parse({});

/** Of a document that was read. */
export const policyOf = (document: PolicyDocument): Policy => {
  const { approval, effective_from, effective_until, description, route_to, scope } = document;
  return {
    name: document.name,
    ...(description !== undefined && { description }),
    scope: {
      ...(scope.graph !== undefined && { graph: scope.graph }),
      ...(scope.node !== undefined && { node: scope.node }),
    },
    on: eventsOf(document),
    when: document.when,
    action: document.action,
    message: document.message,
    ...(route_to !== undefined && { routeTo: route_to }),
    ...(document.action === "REQUIRE_APPROVAL" && { approval: approval ?? TERMS }),
    onError: document.on_error ?? (document.action === "WARN" ? "open" : "closed"),
    mode: document.mode,
    labels: document.labels,
    ...(effective_from !== undefined && { from: Date.parse(effective_from) }),
    ...(effective_until !== undefined && { until: Date.parse(effective_until) }),
  };
};
