/**
 * Task `http`: what its settings may be, the request that they and an input make, and what an answer comes to.
 * Sending it is the shell's.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { z } from "zod";
import { HTTP_HEADERS_MAX, HTTP_RESPONSE_BYTES, HTTP_RESPONSE_BYTES_MAX } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import { type Failure, NodeError, TerminalError } from "../failure.ts";
import { checkJson, type Part, parseTemplate, renderJson, renderText } from "../template.ts";

/** The kind by which the control plane knows it: so many of them share a call. */
export const HTTP = "http";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] as const;
/** Up to where the path begins. */
const ORIGIN = /^https?:\/\/[^/?#\\@]+(?=[/?#])/i;
const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/;
/** What the connection, the body or the runtime decides. */
const NOT_THEIRS =
  /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|proxy-.*|idempotency-key|traceparent)$/i;
/** Of an answer, what a plan may decide by. */
const KEPT_HEADERS = ["content-type", "etag", "last-modified", "link", "location"];

const isWhole = (parts: readonly Part[]): boolean => parts.length === 1 && typeof parts[0] === "object";

const urlFault = (text: string): string | undefined => {
  const parts = parseTemplate(text);
  if (!parts.ok) return parts.error;
  if (isWhole(parts.value)) return undefined;
  const [first] = parts.value;
  if (parts.value.length === 1 && URL.canParse(text) && /^https?:/i.test(text)) return undefined;
  return typeof first === "string" && ORIGIN.test(first)
    ? undefined
    : "begins with its whole origin, such as https://api.example.com/, or is one ${ … } alone";
};

const url = z.string().superRefine((text, check) => {
  const fault = urlFault(text);
  if (fault !== undefined) check.addIssue(fault);
});

const headers = z.record(z.string(), z.string()).superRefine((given, check) => {
  if (Object.keys(given).length > HTTP_HEADERS_MAX)
    check.addIssue(`has more than ${HTTP_HEADERS_MAX} headers`);
  for (const [name, value] of Object.entries(given)) {
    const parts = parseTemplate(value);
    if (!HEADER_NAME.test(name)) check.addIssue(`${JSON.stringify(name)} is no name of a header`);
    else if (NOT_THEIRS.test(name)) check.addIssue(`${name} is set by the runtime; leave it out`);
    else if (!parts.ok) check.addIssue(`${name} ${parts.error}`);
  }
});

const isTemplate = (text: string): boolean => {
  const parts = parseTemplate(text);
  return parts.ok && isWhole(parts.value);
};

const BODY = "is an object or a list whose texts may hold ${ … }, or one ${ … } alone";

// Other text would be a JSON string, which nobody means who writes an object as text in DOT.
const body = z
  .union([z.record(z.string(), z.json()), z.array(z.json()), z.string().refine(isTemplate, BODY)], BODY)
  .superRefine((template, check) => {
    const fault = checkJson(template);
    if (fault !== undefined) check.addIssue(fault);
  });

export const httpSettings = z
  .object({
    url,
    method: z.enum(METHODS).default("GET"),
    headers: headers.optional(),
    body: body.optional(),
    /** The media type that an answer must have. */
    expect: z.string().toLowerCase().optional(),
    bytes_max: z.int().min(1).max(HTTP_RESPONSE_BYTES_MAX).default(HTTP_RESPONSE_BYTES),
  })
  .refine(({ method, body }) => body === undefined || (method !== "GET" && method !== "HEAD"), {
    path: ["body"],
    message: "a GET or a HEAD has no body; set method",
  });

export type HttpSettings = z.output<typeof httpSettings>;

export interface HttpRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface HttpResult {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON where the answer says that it is, else text. */
  readonly body: JsonValue;
}

type Variables = Readonly<Record<string, JsonValue>>;

export const requestOf = (settings: HttpSettings, variables: Variables): Result<HttpRequest, string> => {
  const url = renderUrl(settings.url, variables);
  if (!url.ok) return err(`url: ${url.error}`);
  const headers: Record<string, string> = {};
  for (const [name, template] of Object.entries(settings.headers ?? {})) {
    const value = renderHeader(template, variables);
    if (!value.ok) return err(`header ${name}: ${value.error}`);
    headers[name.toLowerCase()] = value.value;
  }
  if (settings.body === undefined) return ok({ url: url.value, method: settings.method, headers });
  const body = renderJson(settings.body, variables);
  if (!body.ok) return err(`body: ${body.error}`);
  headers["content-type"] ??= "application/json";
  return ok({ url: url.value, method: settings.method, headers, body: JSON.stringify(body.value) });
};

const renderUrl = (template: string, variables: Variables): Result<string, string> => {
  const parts = parseTemplate(template);
  if (!parts.ok) return parts;
  const whole = isWhole(parts.value);
  const rendered = renderText(parts.value, variables, whole ? undefined : encodeURIComponent);
  if (!rendered.ok) return rendered;
  if (!URL.canParse(rendered.value)) return err("it is no URL");
  // A value that is only dots would lead to another path than the one that is written.
  const [path = ""] = rendered.value.split(/[?#]/);
  if (!whole && path.split("/").some((segment) => /^(\.|%2e){1,2}$/i.test(segment)))
    return err("a part of its path is . or ..");
  return rendered;
};

const renderHeader = (template: string, variables: Variables): Result<string, string> => {
  const parts = parseTemplate(template);
  const value = parts.ok ? renderText(parts.value, variables) : parts;
  if (!value.ok) return value;
  return [...value.value].every((char) => char === "\t" || (char >= " " && char <= "~"))
    ? value
    : err("it holds a line end or another character that no header may have");
};

const REDIRECTS = [301, 302, 303, 307, 308];

/** Where to ask again, if the answer says so: at the same origin, in the same way. Throws for any other redirect. */
export const redirectOf = (from: URL, method: string, status: number, location: string | null) => {
  if (!REDIRECTS.includes(status) || location === null) return undefined;
  const to = URL.parse(location, from.href);
  if (to?.origin !== from.origin)
    throw new TerminalError(
      `${shown(method, from)} leads to ${to?.origin ?? "no URL"}; set url to that if it is meant`,
    );
  if (status < 307 && method !== "GET" && method !== "HEAD")
    throw new TerminalError(
      `${shown(method, from)} answered ${status}: it may not be sent again to ${to.pathname}`,
    );
  return to;
};

/** Without the query, which may hold what is nobody's business. */
export const shown = (method: string, { origin, pathname }: URL): string => `${method} ${origin}${pathname}`;

const RETRYABLE = [408, 425, 429];

/** Of an answer that is no success. */
export const statusError = (status: number, said: string, retryAfterMs: number | undefined): NodeError => {
  if (!RETRYABLE.includes(status) && status < 500) return new TerminalError(`${status} from ${said}`);
  const failure: Failure = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new NodeError(`http_${status}`, said, failure);
};

export const mediaTypeOf = (contentType: string | null): string =>
  (contentType?.split(";")[0] ?? "").trim().toLowerCase();

/** Throws what the attempt fails with. */
export const resultOf = (
  status: number,
  headerOf: (name: string) => string | null,
  text: string,
  { expect }: HttpSettings,
): HttpResult => {
  const type = mediaTypeOf(headerOf("content-type"));
  if (expect !== undefined && type !== expect)
    throw new NodeError("invalid_response", `it is ${type || "of no type"} and not ${expect}`);
  const headers = KEPT_HEADERS.flatMap((name) => {
    const value = headerOf(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { status, headers: Object.fromEntries(headers), body: bodyOf(type, text) };
};

const bodyOf = (type: string, text: string): JsonValue => {
  if (text === "" || !/[/+]json$/.test(type)) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new NodeError("invalid_response", `it says ${type}, and is not: ${(cause as Error).message}`);
  }
};
