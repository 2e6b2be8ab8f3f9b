// Migrations are generated from the schema: `npx drizzle-kit generate --name <what-changes>`. They are append-only.
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./src/data-plane/schema.ts",
  out: "./migrations",
});
