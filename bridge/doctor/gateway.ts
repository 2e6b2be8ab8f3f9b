/** What the doctor looks at on the side of the gateway: whether it is there, the key, the clock, the deployment. */
import { Link, LinkClosed } from "../edge/link.ts";
import { Gateway, GatewayRefused } from "../gateway.ts";
import type { Settings } from "../settings.ts";
import { type Finding, fail, look, ok, warn } from "./check.ts";

/** Beyond it, delays that are measured and times of records mean nothing. */
const CLOCK_MS_MAX = 2_000;

/** Nothing where it does not tell its time, as on one's own machine. */
const clock = (response: Response): readonly Finding[] => {
  const date = response.headers.get("date");
  if (date === null) return [];
  const ahead = Date.now() - Date.parse(date);
  if (Math.abs(ahead) <= CLOCK_MS_MAX) return [ok("clock", "within two seconds of the gateway's")];
  return [warn("clock", `${Math.round(ahead / 1_000)} s off the gateway's. Let both follow a time server.`)];
};

const KEY: Readonly<Record<number, string>> = {
  401: "Set ESCAPEMENT_KEY to a key of the gateway's ESCAPEMENT_KEYS.",
  403: 'Give the key the role "bridge".',
};

export const lookAtGateway = async (settings: Settings): Promise<readonly Finding[]> => {
  const gateway = new Gateway(settings.gateway);
  const there = await look(
    "gateway",
    async () => {
      const answer = await gateway.get("/health");
      return [ok("gateway", `${settings.gateway.url} answers`), ...clock(answer)];
    },
    "Is ESCAPEMENT_URL right, and is the runtime up?",
  );
  if (there.some(({ level }) => level === "fail")) return there;
  try {
    const tenants = (await gateway.tenants()).filter((tenant) => settings.tenants?.has(tenant) ?? true);
    const missing = [...(settings.tenants ?? [])].filter((tenant) => !tenants.includes(tenant));
    return [
      ...there,
      ok("credential", "may list tenants"),
      missing.length > 0
        ? warn("tenants", `${missing.join(", ")} of BRIDGE_TENANTS: not at the gateway. Provision them.`)
        : ok("tenants", tenants.length === 0 ? "none yet" : tenants.join(", ")),
      ...(await lookAtObject(settings, tenants[0])),
    ];
  } catch (error) {
    const status = error instanceof GatewayRefused ? error.status : 0;
    return [...there, fail("credential", `${(error as Error).message} ${KEY[status] ?? ""}`)];
  }
};

/** One tenant speaks for all: they have the same deployment. */
const lookAtObject = async (settings: Settings, tenant: string | undefined): Promise<readonly Finding[]> => {
  if (tenant === undefined) return [];
  const { gateway, deployment, leaseMs } = settings;
  try {
    const bridgeId = `${settings.bridgeId}-doctor`;
    const { link, welcome } = await Link.open({
      ...gateway,
      tenant,
      deployment,
      bridgeId,
      silenceMs: leaseMs,
    });
    link.close("only looked");
    return [
      ok(
        "deployment",
        `${deployment}; ${tenant} is at offset ${welcome.tail}, Kafka at ${welcome.acknowledged}`,
      ),
    ];
  } catch (error) {
    const refused = error instanceof LinkClosed ? error.ending.refused : undefined;
    const what = refused === "wrong_deployment" ? "Set ESCAPEMENT_DEPLOYMENT as the gateway has it." : "";
    return [fail("deployment", `${(error as Error).message}. ${what}`)];
  }
};
