/**
 * Who asks, and what they may do: development keys from the secret ESCAPEMENT_KEYS. Authentication comes
 * before every route; the role that a route needs is part of the route's definition.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";
import { type Rejection, reject } from "../../src/rejection.ts";
import { err, ok, type Result } from "../../src/result.ts";
import { TENANT_ID } from "../../src/topics/tenant.ts";
import { SIGNATURE } from "../../src/wire/reference.ts";
import { type SignatureFault, signatureFault } from "../../src/wire/signed-path.ts";

/** Each role may do what those before it may. */
const RANKS = ["reader", "operator", "admin"] as const;
/** Beside them: reads as a reader does, and connects tenants with Kafka, which but for it only an admin may. */
const BRIDGE = "bridge";
export const ROLES = [...RANKS, BRIDGE] as const;
export type Role = (typeof ROLES)[number];

export interface Credential {
  readonly name: string;
  readonly rank: number;
  readonly isBridge: boolean;
  /** Undefined is every tenant. */
  readonly tenants: ReadonlySet<string> | undefined;
}

interface Key extends Credential {
  readonly digest: Buffer;
}

const keysSchema = z.array(
  z.strictObject({
    name: z.string().min(1),
    key: z.string().min(1),
    roles: z.array(z.enum(ROLES)).min(1),
    tenants: z.array(z.string().regex(TENANT_ID)).min(1).optional(),
  }),
);

const HOW = `set the secret ESCAPEMENT_KEYS to [{ "name": "…", "key": "…", "roles": ["admin"] }]`;

const sha256 = (text: string): Buffer => createHash("sha256").update(text).digest();

const rankOf = (role: Role): number => (role === BRIDGE ? 0 : RANKS.indexOf(role));

const parseKeys = (configured: string | undefined): Result<readonly Key[], Rejection> => {
  if (!configured) return reject("unauthenticated", `no keys are configured; ${HOW}`);
  const parsed = keysSchema.safeParse(jsonOf(configured));
  if (!parsed.success || parsed.data.length === 0)
    return reject("unauthenticated", `the configured keys cannot be read; ${HOW}`);
  return ok(
    parsed.data.map(({ name, key, roles, tenants }) => ({
      name,
      digest: sha256(key),
      rank: Math.max(...roles.map(rankOf)),
      isBridge: roles.includes(BRIDGE),
      tenants: tenants && new Set(tenants),
    })),
  );
};

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

interface Configured {
  readonly from: string | undefined;
  readonly keys: ReturnType<typeof parseKeys>;
  /** By the headers that were found right, so that no request after the first has to be hashed. */
  readonly known: Map<string, Credential>;
}

let latest: Configured | undefined;

/** Parsed once an isolate, and again only when the configuration is another. */
const configuredBy = (from: string | undefined): Configured => {
  if (latest === undefined || latest.from !== from)
    latest = { from, keys: parseKeys(from), known: new Map() };
  return latest;
};

/** A key may be written in several ways, say with more blanks before it. */
const KNOWN_HEADERS_MAX = 1_000;

const BEARER = /^Bearer +(\S+)$/i;

/** Takes the same time whichever key is presented: digests are compared, and all of them. */
export const authenticate = (
  configured: string | undefined,
  authorization: string | null,
): Result<Credential, Rejection> => {
  const { keys, known } = configuredBy(configured);
  if (!keys.ok) return keys;
  const before = authorization === null ? undefined : known.get(authorization);
  if (before) return ok(before);
  const presented = BEARER.exec(authorization ?? "")?.[1];
  if (presented === undefined)
    return reject("unauthenticated", "send a key: Authorization: Bearer <key>, one of ESCAPEMENT_KEYS");
  const digest = sha256(presented);
  let found: Key | undefined;
  for (const key of keys.value) if (timingSafeEqual(key.digest, digest)) found = key;
  if (found === undefined) return reject("unauthenticated", "this key is not one of ESCAPEMENT_KEYS");
  if (authorization !== null && known.size < KNOWN_HEADERS_MAX) known.set(authorization, found);
  return ok(found);
};

const FAULTS: Readonly<Record<SignatureFault, string>> = {
  changed:
    "this address is not as it was signed, or ESCAPEMENT_KEYS have changed since; take it from its message again",
  expired: "this address has expired; send a key",
};

/** Who has an address that was signed here may read what is there, and nothing else. Undefined where none is said to be. */
export const signedReader = (
  configured: string | undefined,
  { method, url: text }: Request,
): Result<Credential, Rejection> | undefined => {
  if (!configured || method !== "GET" || !text.includes(`${SIGNATURE}=`)) return undefined;
  const url = new URL(text);
  const fault = signatureFault(configured, url, Date.now());
  if (fault) return reject("unauthenticated", FAULTS[fault]);
  const [, , , tenant = ""] = url.pathname.split("/");
  return ok({
    name: "of a signed address",
    rank: rankOf("reader"),
    isBridge: false,
    tenants: new Set([tenant]),
  });
};

/** Whether a credential may use a route. `tenant` is the one in the path, if the route has one. */
export const authorize = (
  { name, rank, isBridge, tenants }: Credential,
  role: Role,
  tenant: string | undefined,
): Result<void, Rejection> => {
  const forbidden = (detail: string) => err({ code: "forbidden" as const, detail });
  const may = role === BRIDGE ? isBridge || rank === rankOf("admin") : rank >= rankOf(role);
  if (!may) return forbidden(`key ${name} lacks the role ${role}, which this needs`);
  if (tenants === undefined) return ok(undefined);
  if (tenant === undefined) return forbidden(`key ${name} is limited to tenants, and this is not about one`);
  return tenants.has(tenant) ? ok(undefined) : forbidden(`key ${name} is not for tenant ${tenant}`);
};
