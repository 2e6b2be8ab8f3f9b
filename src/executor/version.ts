/** Which code a deployment runs, and which deployment it is. */
import { DEPLOYMENT_NAME } from "../mirror/origin.ts";

/** Which deployment code belongs to. The platform names each of a deploy; elsewhere whoever starts the code does. */
interface Named {
  readonly ESCAPEMENT_VERSION?: string;
  readonly CF_VERSION_METADATA?: { readonly id: string };
}

/** Undefined where nobody has named it. */
export const versionOf = (env: Named): string | undefined =>
  env.ESCAPEMENT_VERSION || env.CF_VERSION_METADATA?.id || undefined;

const UNNAMED = "escapement";

/** What it is called over all deploys; whatever it has written to Kafka bears this name, and is known by it. */
export const deploymentOf = ({ ESCAPEMENT_DEPLOYMENT: name = "" }: Configured): string => {
  if (name === "" || DEPLOYMENT_NAME.test(name)) return name || UNNAMED;
  throw new Error("ESCAPEMENT_DEPLOYMENT has to be 1 to 50 letters, digits, hyphens or underscores");
};

interface Configured {
  readonly ESCAPEMENT_DEPLOYMENT?: string;
}
