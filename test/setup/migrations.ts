// Brings D1 to the current schema before each test file; after `reset()` a test calls `migrate` again.
import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env } from "cloudflare:workers";

declare global {
  namespace Cloudflare {
    interface Env {
      TEST_MIGRATIONS: D1Migration[];
    }
  }
}

export const migrate = () => applyD1Migrations(env.DB, env.TEST_MIGRATIONS);

await migrate();
