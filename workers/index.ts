/** The composition root: names the classes that the platform starts. */
import { DurableObject } from "cloudflare:workers";
import { app } from "./gateway/app.ts";

export class Tenant extends DurableObject<Env> {}

export default {
  fetch: app.fetch,
} satisfies ExportedHandler<Env>;
