// Four projects, by where the code under test runs: `core` in Node, `workers` in workerd with the bindings of
// wrangler.toml, `local` as processes of this machine, `bridge` in Node beside a Kafka broker. A file belongs to
// the folder that it lies in.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { KEYS } from "./test/setup/keys.ts";

// Silences a start-up fetch, so that the tests run offline.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
// A required secret of wrangler.toml is taken from here.
process.env.ESCAPEMENT_KEYS = JSON.stringify(KEYS);

const TEST_MIGRATIONS = existsSync("migrations") ? await readD1Migrations("migrations") : [];

/** Tests wait for events, on a slow and busy machine as long as it takes; a failure shows later, and no sooner. */
const patience = { testTimeout: 60_000, expect: { poll: { timeout: 30_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...patience,
          name: "core",
          environment: "node",
          include: ["test/{core,simulation,tidy}/**/*.test.ts"],
        },
      },
      {
        // The deployment under test has nodes that misbehave as well.
        resolve: { alias: { "#nodes": resolve("test/fixtures/nodes.ts") } },
        plugins: [
          cloudflareTest({
            wrangler: { configPath: "./wrangler.toml" },
            // Bound here, so that a .dev.vars of whoever runs this has no say.
            miniflare: {
              bindings: {
                TEST_MIGRATIONS,
                ESCAPEMENT_KEYS: JSON.stringify(KEYS),
                ESCAPEMENT_VERSION: "under-test",
                ESCAPEMENT_HTTP_HOSTS: "127.0.0.1",
              },
            },
          }),
        ],
        test: {
          ...patience,
          name: "workers",
          // What an object says after the last test of its file would leave the run waiting for ever.
          disableConsoleIntercept: true,
          include: ["test/workers/**/*.test.ts"],
          globalSetup: ["test/setup/outside.ts"],
          setupFiles: ["test/setup/migrations.ts"],
        },
      },
      {
        test: {
          ...patience,
          name: "local",
          environment: "node",
          include: ["test/local/**/*.test.ts"],
        },
      },
      {
        test: {
          ...patience,
          // Each starts processes, kills some, and waits until leases and sessions have run out.
          testTimeout: 240_000,
          expect: { poll: { timeout: 90_000 } },
          name: "bridge",
          // They wait as long as they compute. After all others, so that these have the machine for themselves.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
          environment: "node",
          include: ["test/bridge/**/*.test.ts"],
          globalSetup: ["test/setup/broker.ts"],
          // Of kafkajs, and harmless.
          execArgv: ["--disable-warning=TimeoutNegativeWarning"],
        },
      },
    ],
  },
});
