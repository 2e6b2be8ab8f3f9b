/**
 * The runtime on one machine: the bundle of a deploy under workerd, with its objects, D1 and R2 in a folder.
 * Everything but that folder, the address and the keys is read from wrangler.toml.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { convertV4MiniflareOptions, Miniflare, type V4MiniflareOptions } from "miniflare";
import { bundle } from "./bundle.ts";
import { claim } from "./claim.ts";
import { type Keys, readKeys } from "./keys.ts";
import { migrate } from "./migrations.ts";
import { freePort, workerdPids } from "./process.ts";

// Read when wrangler is loaded: no news, and no look at the network.
process.env.WRANGLER_LOG ??= "error";
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= "false";
const { unstable_getMiniflareWorkerOptions, unstable_readConfig } = await import("wrangler");

const READY_MS_MAX = 30_000;
const READY_POLL_MS = 20;
const PROJECT_CONFIG = resolve(import.meta.dirname, "../../wrangler.toml");

export interface LocalOptions {
  /** Folder of the objects, D1, R2, the bundle and the keys; created when absent. */
  readonly data: string;
  readonly host?: string;
  /** A free one when absent. */
  readonly port?: number;
  /** The value of ESCAPEMENT_KEYS; without it data/keys.json, created when absent. */
  readonly keys?: string | undefined;
  /** An entry module that has been bundled already. */
  readonly bundle?: string;
  /** The wrangler.toml of another worker. */
  readonly config?: string;
  readonly inspectorPort?: number;
  /** The name that records in Kafka are signed with; that of wrangler.toml when absent. */
  readonly deployment?: string;
}

export interface Local {
  readonly url: string;
  readonly keys: Keys;
  /** A key that may do everything; empty when no key may. */
  readonly key: string;
  /** The bundled entry module. */
  readonly bundle: string;
  /** For what no binding of the worker reaches from outside: its D1, its inspector. */
  readonly miniflare: Miniflare;
  /** Of workerd; others after it was killed and has been started again. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

type Config = ReturnType<typeof unstable_readConfig>;

const miniflareOptions = (config: Config, entry: string, keys: Keys, options: LocalOptions, port: number) => {
  const { workerOptions } = unstable_getMiniflareWorkerOptions(config);
  const { modulesRules: _, ...worker } = workerOptions;
  const host = options.host ?? "127.0.0.1";
  return convertV4MiniflareOptions({
    ...worker,
    // A worker that binds itself is found by this name.
    name: config.name,
    modulesRoot: dirname(entry),
    modules: [{ type: "ESModule", path: entry }],
    bindings: {
      ...(worker.bindings as object),
      ESCAPEMENT_KEYS: keys.json,
      ...(options.deployment === undefined ? {} : { ESCAPEMENT_DEPLOYMENT: options.deployment }),
      // A deploy is named by the platform; here the code is by what it is.
      ESCAPEMENT_VERSION: createHash("sha256").update(readFileSync(entry)).digest("hex").slice(0, 16),
    },
    resourcePersistencePath: resolve(options.data),
    // Requests reach the worker without passing through the simulator's own: a fifth more of them a second.
    unsafeDirectSockets: [{ host, port }],
    ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
  } as V4MiniflareOptions);
};

const untilReady = async (url: string): Promise<void> => {
  const deadline = Date.now() + READY_MS_MAX;
  for (;;) {
    const answer = await fetch(`${url}/ready`).catch((error: Error) => error);
    if (answer instanceof Response && answer.ok) return;
    if (Date.now() > deadline) {
      const seen = answer instanceof Response ? `${answer.status} ${await answer.text()}` : String(answer);
      throw new Error(`The runtime did not become ready within ${READY_MS_MAX / 1_000} s. It said: ${seen}`);
    }
    await sleep(READY_POLL_MS);
  }
};

export const startLocal = async (options: LocalOptions): Promise<Local> => {
  const data = resolve(options.data);
  await mkdir(data, { recursive: true });
  const config = unstable_readConfig({ config: options.config ?? PROJECT_CONFIG });
  if (config.main === undefined) throw new Error(`${config.configPath} names no \`main\`.`);
  const keys = await readKeys(data, options.keys);
  const entry =
    options.bundle ?? (await bundle(String(config.configPath), config.main, join(data, "bundle")));
  const host = options.host ?? "127.0.0.1";
  const port = options.port ?? (await freePort(host));
  const held = await claim(data);
  const miniflare = new Miniflare({
    ...miniflareOptions(config, entry, keys, options, port),
    unsafeHandleRuntimeRestart: () => held.record(workerdPids()),
  });
  const stop = async (): Promise<void> => {
    await miniflare.dispose();
    held.release();
  };
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  try {
    await miniflare.ready;
    held.record(workerdPids());
    for (const { binding, migrations_dir } of config.d1_databases) {
      const folder = resolve(dirname(String(config.configPath)), migrations_dir ?? "migrations");
      if (existsSync(folder)) await migrate(await miniflare.getD1Database(binding), folder);
    }
    await untilReady(url);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url,
    keys,
    key: keys.admin ?? "",
    bundle: entry,
    miniflare,
    pids: workerdPids,
    stop,
  };
};
