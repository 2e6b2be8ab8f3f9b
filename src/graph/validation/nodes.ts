/**
 * The rules of a node by itself: its name, type, kind, attributes and settings. What stands wrong is read as
 * the author most likely meant it, so that one mistake is told once.
 */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import * as limits from "../../limits.ts";
import { ok } from "../../result.ts";
import type { Kind } from "../../topics/topics.ts";
import type { Catalogue, KindEntry } from "../catalogue.ts";
import type { DraftNode } from "../draft.ts";
import { type Fault, fault, type Position, type Where } from "../fault.ts";
import type { Estimate, Join, Node, Retry } from "../graph.ts";
import { isDrawing } from "./drawing.ts";
import { didYouMean, nearestFirst } from "./nearest.ts";
import {
  duration,
  errorCodes,
  flag,
  joinOf,
  jsonObject,
  oneOf,
  readAttribute,
  text,
  wholeNumber,
} from "./readers.ts";

/** A node as far as it could be understood. */
export interface CheckedNode {
  readonly name: string;
  readonly where: Where;
  /** Undefined when the author's wish is not clear. */
  readonly type: Kind | undefined;
  readonly entry: boolean;
  readonly end: boolean;
  readonly join: Join;
  /** Undefined when its type or kind is not known. */
  readonly kind: KindEntry | undefined;
  /** Undefined when it has a fault that leaves nothing to route. */
  readonly node: Node | undefined;
}

export const NODE_ATTRIBUTES = [
  ...["type", "kind", "label", "timeout", "retry", "retry_backoff", "retry_backoff_max", "retry_never"],
  ...["on_failure", "join", "entry", "end", "settings", "executor"],
  ...["estimate_tokens", "estimate_cost_usd_micros", "estimate_time"],
];
const OWN: ReadonlySet<string> = new Set(NODE_ATTRIBUTES);
const PLANS_ONLY = ["join", "entry", "end"];
const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Completes "… is not a name; …", or undefined for a good name. */
export const nameFault = (name: string): string | undefined => {
  if (name === "") return "it is empty; give it a name, such as review";
  if (name.length > limits.NAME_CHARS_MAX)
    return `it has ${name.length} characters; shorten it to ${limits.NAME_CHARS_MAX}`;
  if (!NAME.test(name)) return "use letters, digits and underscores, and begin with no digit";
  return undefined;
};

/** A name in a message, cut where it is absurd. */
export const quoted = (name: string): string =>
  JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);

const checkName = (draft: DraftNode, where: Where, faults: Fault[]) => {
  const wrong = nameFault(draft.name);
  if (wrong)
    faults.push(fault("invalid_name", `${quoted(draft.name)} is no name for a node: ${wrong}.`, where));
};

const checkType = (draft: DraftNode, where: Where, faults: Fault[]): Kind | undefined => {
  if (draft.attributes.has("type"))
    return readAttribute(draft.attributes, "type", oneOf("plan", "task"), where, faults);
  const name = quoted(draft.name);
  faults.push(
    draft.declared
      ? fault("untyped_node", `Node ${name} has no type; give it type="plan" or type="task".`, where)
      : fault(
          "undeclared_node",
          `Node ${name} stands only in an edge; declare it with type="plan" or type="task", or mend its name.`,
          where,
        ),
  );
  return undefined;
};

const checkKind = (
  type: Kind,
  draft: DraftNode,
  where: Where,
  /** Undefined for a node that is run elsewhere: its kind and settings are known there. */
  catalogue: Catalogue | undefined,
  faults: Fault[],
): KindEntry | undefined => {
  const given = readAttribute(draft.attributes, "kind", text, where, faults);
  if (given === undefined && draft.attributes.has("kind")) return undefined;
  const kind = given ?? draft.name;
  if (catalogue === undefined)
    return {
      type,
      name: kind,
      settingNames: [],
      parseSettings: ok,
      timeoutMsMax: limits.LIFETIME_TIMEOUT_MS_MAX,
    };
  const entry = catalogue.find(type, kind);
  if (entry) return entry;
  const other = type === "plan" ? "task" : "plan";
  const names = catalogue.names(type);
  const known =
    names.length === 0 ? `no ${type} is registered` : `registered are ${nearestFirst(kind, names)}`;
  const hint = catalogue.find(other, kind)
    ? `it is a ${other}; change the type of the node, or name a kind of ${type}: ${known}`
    : `${given === undefined ? "set kind to one that exists, or register it" : "name one that exists, or register it"}: ${known}`;
  const position = draft.attributes.get("kind")?.position ?? where.position;
  faults.push(
    fault(
      "unknown_kind",
      `There is no ${type} of kind ${quoted(kind)} for node ${quoted(draft.name)}; ${hint}.`,
      {
        ...where,
        position,
      },
    ),
  );
  return undefined;
};

const readRetry = (draft: DraftNode, where: Where, faults: Fault[]): Retry => {
  const read = <T>(name: string, reader: Parameters<typeof readAttribute<T>>[2]) =>
    readAttribute(draft.attributes, name, reader, where, faults);
  const wait = duration(0, limits.RETRY_BACKOFF_MS_MAX);
  const attempts = read("retry", wholeNumber(1, limits.RETRY_ATTEMPTS_MAX)) ?? 1;
  const backoffMs = read("retry_backoff", wait);
  const backoffMsMax = read("retry_backoff_max", wait) ?? limits.RETRY_BACKOFF_MS_MAX;
  const never = read("retry_never", errorCodes) ?? [];
  if (backoffMs !== undefined && backoffMs > backoffMsMax) {
    const attribute = draft.attributes.get("retry_backoff");
    const message = `${attribute?.path} is ${backoffMs} ms, over the longest wait of ${backoffMsMax} ms; lower it, or raise the longest.`;
    faults.push(
      fault("invalid_attribute", message, { ...where, position: attribute?.position ?? where.position }),
    );
  }
  return {
    attempts,
    backoffMs: backoffMs ?? Math.min(limits.RETRY_BACKOFF_MS, backoffMsMax),
    backoffMsMax,
    never,
  };
};

const readEstimate = (draft: DraftNode, where: Where, faults: Fault[]): Estimate | undefined => {
  const read = (name: string, reader: Parameters<typeof readAttribute<number>>[2]) =>
    readAttribute(draft.attributes, name, reader, where, faults);
  const tokens = read("estimate_tokens", wholeNumber(0, limits.ESTIMATE_MAX));
  const costUsdMicros = read("estimate_cost_usd_micros", wholeNumber(0, limits.ESTIMATE_MAX));
  const ms = read("estimate_time", duration(0, limits.LIFETIME_TIMEOUT_MS_MAX));
  if (tokens === undefined && costUsdMicros === undefined && ms === undefined) return undefined;
  return {
    ...(tokens !== undefined && { tokens }),
    ...(costUsdMicros !== undefined && { costUsdMicros }),
    ...(ms !== undefined && { ms }),
  };
};

/** Every attribute that is not ours: a setting of the kind, or GraphViz's, or unknown. */
const checkSettings = (draft: DraftNode, kind: KindEntry, where: Where, faults: Fault[]): JsonObject => {
  const faultsBefore = faults.length;
  const settings: [string, JsonValue][] = [];
  const unknown = (path: string, name: string, takes: readonly string[], position?: Position) => {
    const hint = didYouMean(name, takes) || `; it takes ${takes.join(", ") || "none"}.`;
    const message = `Node ${quoted(draft.name)} of kind "${kind.name}" takes no ${path}${hint}`;
    faults.push(fault("unknown_attribute", message, { ...where, position: position ?? where.position }));
  };
  const object = readAttribute(draft.attributes, "settings", jsonObject, where, faults) ?? {};
  const { path = "", position } = draft.attributes.get("settings") ?? {};
  for (const [name, value] of Object.entries(object)) {
    if (kind.settingNames.includes(name)) settings.push([name, value]);
    else unknown(`${path}.${name}`, name, kind.settingNames, position);
  }
  for (const [name, attribute] of draft.attributes) {
    if (OWN.has(name)) continue;
    if (kind.settingNames.includes(name)) settings.push([name, attribute.value]);
    else if (!isDrawing(name))
      unknown(attribute.path, name, [...kind.settingNames, ...NODE_ATTRIBUTES], attribute.position);
  }
  // What is missing may be what was misspelt, so settings are only judged once their names are right.
  if (faults.length > faultsBefore) return {};
  const parsed = kind.parseSettings(Object.fromEntries(settings));
  if (parsed.ok) return parsed.value;
  for (const wrong of parsed.error)
    faults.push(
      fault("invalid_setting", `Node ${quoted(draft.name)} of kind "${kind.name}": ${wrong}`, where),
    );
  return {};
};

const checkPlansOnly = (draft: DraftNode, where: Where, faults: Fault[]) => {
  for (const name of PLANS_ONLY) {
    const attribute = draft.attributes.get(name);
    if (!attribute) continue;
    const message = `${attribute.path} is for plans, and ${quoted(draft.name)} is a task; leave it out.`;
    faults.push(
      fault("invalid_attribute", message, { ...where, position: attribute.position ?? where.position }),
    );
  }
};

export const checkNode = (draft: DraftNode, catalogue: Catalogue, faults: Fault[]): CheckedNode => {
  const { name, attributes } = draft;
  const where: Where = { node: name, position: draft.position };
  const read = <T>(attribute: string, reader: Parameters<typeof readAttribute<T>>[2]) =>
    readAttribute(attributes, attribute, reader, where, faults);

  checkName(draft, where, faults);
  const type = checkType(draft, where, faults);
  if (type === "task") checkPlansOnly(draft, where, faults);
  const executor = read("executor", oneOf("rpc", "external", "kafka"));
  const external = attributes.has("executor") && executor !== "rpc";
  const kind = type && checkKind(type, draft, where, external ? undefined : catalogue, faults);
  const label = read("label", text);
  const timeoutMsMax = kind?.timeoutMsMax ?? limits.NODE_TIMEOUT_MS_MAX;
  const timeoutMs =
    read("timeout", duration(1, timeoutMsMax)) ??
    (external ? limits.NODE_TIMEOUT_MS : (kind?.timeoutMsMax ?? limits.NODE_TIMEOUT_MS));
  const retry = readRetry(draft, where, faults);
  const onFailure = read("on_failure", oneOf("fail", "route", "ignore")) ?? "fail";
  const plan = type !== "task";
  const join = (plan && read("join", joinOf)) || "all";
  // A mark that cannot be read is taken as set: what it would excuse is not a second fault.
  const entry = plan && attributes.has("entry") && read("entry", flag) !== false;
  const end = plan && attributes.has("end") && read("end", flag) !== false;
  const settings = kind && checkSettings(draft, kind, where, faults);
  const estimate = readEstimate(draft, where, faults);
  const node: Node | undefined =
    kind && settings
      ? {
          name,
          type: kind.type,
          ...(label !== undefined && { label }),
          kind: kind.name,
          timeoutMs,
          retry,
          onFailure,
          join,
          entry,
          end,
          settings,
          ...(external && { executor: executor === "kafka" ? ("kafka" as const) : ("external" as const) }),
          ...(estimate && { estimate }),
        }
      : undefined;
  return { name, where, type, entry, end, join, kind, node };
};
