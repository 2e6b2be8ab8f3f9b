/** The composition root: names the classes that the platform starts. */
import { DurableObject } from "cloudflare:workers";

export class Tenant extends DurableObject<Env> {}

export default {
  fetch: () => new Response("not found", { status: 404 }),
} satisfies ExportedHandler<Env>;
