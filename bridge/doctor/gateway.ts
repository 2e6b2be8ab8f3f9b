/** What the doctor looks at on the side of the gateway: whether it is there, its clock, the key, the tenants. */
import { Link, LinkClosed } from "../edge/link.ts";
import { Gateway, GatewayRefused } from "../gateway.ts";
import type { Settings } from "../settings.ts";
import { type Ailment, type Finding, type Findings, fail, messageOf, ok, warn } from "./finding.ts";

/** Beyond it, delays that are measured and times of records mean nothing. */
const CLOCK_MS_MAX = 2_000;
/** Of what a path may be called: whether there is such a tenant is asked after whether one may ask. */
const ANY_TENANT = "doctor";

const statusOf = (error: unknown): number => (error instanceof GatewayRefused ? error.status : 0);

/** Nothing where it does not tell its time, as on one's own machine. */
const clock = (response: Response): readonly Finding[] => {
  const date = response.headers.get("date");
  if (date === null) return [];
  const ahead = Date.now() - Date.parse(date);
  if (Math.abs(ahead) <= CLOCK_MS_MAX) return [ok("clock", "within two seconds of the gateway's")];
  return [
    warn("clock", {
      found: `${Math.round(ahead / 1_000)} s off the gateway's`,
      matters: "Delays are measured wrongly, and records have times of the future or the past.",
      todo: "Let both follow a time server.",
    }),
  ];
};

const KEY_TODO: Readonly<Record<number, string>> = {
  401: "Set ESCAPEMENT_KEY to a key of the gateway's ESCAPEMENT_KEYS.",
  403: 'Give the key the role "bridge", and no tenants.',
};

const refusedKey = (error: unknown, matters: string): Ailment => ({
  found: messageOf(error),
  matters,
  todo: KEY_TODO[statusOf(error)] ?? "Look at what the gateway says of it.",
});

/** Yields until something fails; ends with the tenants that are to be mirrored. */
export async function* lookAtGateway(settings: Settings): AsyncGenerator<Finding, readonly string[]> {
  const gateway = new Gateway(settings.gateway);
  try {
    const answer = await gateway.get("/health");
    yield ok("gateway", `${settings.gateway.url} answers`);
    yield* clock(answer);
  } catch (error) {
    yield fail("gateway", {
      found: `${settings.gateway.url}: ${messageOf(error)}`,
      matters: "Without it there is nothing to mirror.",
      todo: "Look whether ESCAPEMENT_URL is right, and the runtime up.",
    });
    return [];
  }
  try {
    const all = await gateway.tenants();
    yield ok("credential", "may list tenants");
    const role = await lookAtRole(gateway);
    yield role;
    const { tenants: named } = settings;
    const wanted = all.filter((tenant) => named?.has(tenant) ?? true);
    yield ok("tenants", wanted.length === 0 ? "none yet" : wanted.join(", "));
    const missing = [...(named ?? [])].filter((tenant) => !all.includes(tenant));
    if (missing.length > 0)
      yield warn("tenants", {
        found: `${missing.join(", ")} of BRIDGE_TENANTS: not at the gateway`,
        matters: "Nothing of them is mirrored, and their topics are left alone.",
        todo: "Make them there, or take them out.",
      });
    if (role.level === "ok") yield* lookAtObject(settings, wanted[0]);
    return wanted;
  } catch (error) {
    yield fail("credential", refusedKey(error, "The bridge cannot know which tenants there are."));
    return [];
  }
}

const lookAtRole = async (gateway: Gateway): Promise<Finding> => {
  // Who may connect, and does not ask for a WebSocket, is told just that.
  const error = await gateway.get(`/v1/tenants/${ANY_TENANT}/bridge`).catch((refused) => refused);
  if (statusOf(error) === 400) return ok("credential", "may connect tenants with Kafka");
  return fail("credential", refusedKey(error, "Every connection to a tenant is refused."));
};

/** One tenant speaks for all: they have the same deployment. */
async function* lookAtObject(settings: Settings, tenant: string | undefined): Findings {
  if (tenant === undefined) return;
  const { gateway, deployment, leaseMs } = settings;
  const bridgeId = `${settings.bridgeId}-doctor`;
  try {
    const to = { ...gateway, tenant, deployment, bridgeId, silenceMs: leaseMs };
    const { link, welcome } = await Link.open(to);
    link.close("only looked");
    const at = `${tenant} is at offset ${welcome.tail}, Kafka at ${welcome.acknowledged}`;
    yield ok("deployment", `${deployment}; ${at}`);
  } catch (error) {
    const isOther = error instanceof LinkClosed && error.ending.refused === "wrong_deployment";
    yield fail("deployment", {
      found: messageOf(error),
      matters: "Nothing is mirrored without a connection to the tenant.",
      todo: isOther
        ? "Set ESCAPEMENT_DEPLOYMENT as the gateway has it."
        : "Look whether a proxy between the two lets WebSockets through.",
    });
  }
}
