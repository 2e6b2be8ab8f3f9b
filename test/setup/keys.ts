// The keys that the tests present: one for each role, and one that is bound to a single tenant.
export const KEYS = [
  { name: "admin", key: "admin-key", roles: ["admin"] },
  { name: "operator", key: "operator-key", roles: ["operator"] },
  { name: "reader", key: "reader-key", roles: ["reader"] },
  { name: "bound", key: "bound-key", roles: ["operator"], tenants: ["bound"] },
  { name: "bridge", key: "bridge-key", roles: ["bridge"] },
];
