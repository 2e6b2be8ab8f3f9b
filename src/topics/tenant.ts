/** Ids of tenants, as they stand in paths and in the names of topics. They may contain hyphens. */
export const TENANT_ID = /^[a-zA-Z0-9_-]{1,50}$/;
