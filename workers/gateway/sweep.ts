/** Wakes every tenant now and then: what an object was to do by an alarm that got lost, it does then. */
import { PAGE_ITEMS_MAX } from "../../src/limits.ts";
import { Queries, type TenantPosition } from "../data-plane/queries.ts";
import { logLine } from "../log-line.ts";
import { objectOf } from "./address.ts";

/** Objects woken at once; each may have to read its tables. */
const TOGETHER = 50;

export const sweep = async (env: Env): Promise<void> => {
  const queries = new Queries(env.DB);
  let after: TenantPosition | undefined;
  do {
    const page = await queries.listTenants({ limit: PAGE_ITEMS_MAX, after });
    for (let i = 0; i < page.items.length; i += TOGETHER)
      await Promise.all(page.items.slice(i, i + TOGETHER).map(({ tenant }) => wake(env, tenant)));
    after = page.next;
  } while (after);
};

/** One that cannot be woken does not keep the others asleep. */
const wake = (env: Env, tenant: string): Promise<void> =>
  objectOf(env, tenant)
    .wake()
    .catch((cause) => logLine("error", "wake_failed", { tenant, detail: String(cause) }));
