/** What the tenant object refuses, in the words that its callers read. */
import { RETRY_AFTER_MS } from "../../src/limits.ts";
import { reject } from "../../src/rejection.ts";

export const noTenant = () =>
  reject("tenant_not_found", "no such tenant; provision it with PUT /v1/tenants/{tenant}");

export const deleting = (tenant: string) =>
  reject("tenant_deleting", `tenant ${tenant} is being deleted; try again when it is gone`, {
    retryAfterMs: RETRY_AFTER_MS,
  });

export const overloaded = () =>
  reject("overloaded", "too much is waiting for this tenant; try again", { retryAfterMs: RETRY_AFTER_MS });

export const behind = () =>
  reject("data_plane_behind", "the database is behind the log; try again", { retryAfterMs: RETRY_AFTER_MS });

export const unmirrored = (id: string) =>
  reject("mirror_behind", `a mirror has not read all of lifetime ${id} yet; try again`, {
    retryAfterMs: RETRY_AFTER_MS,
  });

export const noLifetime = (id: string) => reject("lifetime_not_found", `no lifetime ${id} in this tenant`);

/** The gateway asks the database for it. */
export const forgotten = (id: string) =>
  reject("lifetime_not_found", `this key came for lifetime ${id}, which was deleted; use another key`, {
    lifetime: id,
  });

export const trimmed = (firstOffset: number) =>
  reject(
    "offset_trimmed",
    `records below ${firstOffset} were trimmed; read on from there, and ask the database for what was before`,
    { firstOffset },
  );
