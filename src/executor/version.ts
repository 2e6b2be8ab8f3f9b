/** Which deployment code belongs to. The platform names each of a deploy; elsewhere whoever starts the code does. */
interface Named {
  readonly ESCAPEMENT_VERSION?: string;
  readonly CF_VERSION_METADATA?: { readonly id: string };
}

/** Undefined where nobody has named it. */
export const versionOf = (env: Named): string | undefined =>
  env.ESCAPEMENT_VERSION || env.CF_VERSION_METADATA?.id || undefined;

/** What it is called where it stays the same over deploys; whatever it has written to Kafka bears this name. */
export const deploymentOf = ({
  ESCAPEMENT_DEPLOYMENT: name,
}: {
  readonly ESCAPEMENT_DEPLOYMENT?: string;
}): string => name || "escapement";
