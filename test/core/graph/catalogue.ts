/** A catalogue for tests: a few kinds of each type, one with strict settings, one that reads `when`. */
import { z } from "zod";
import type { Catalogue, KindEntry } from "../../../src/graph/catalogue.ts";
import { err, ok } from "../../../src/result.ts";
import type { Kind } from "../../../src/topics/topics.ts";

const kind = (
  type: Kind,
  name: string,
  settings: z.ZodRawShape = {},
  more: Partial<KindEntry> = {},
): KindEntry => ({
  type,
  name,
  settingNames: Object.keys(settings),
  parseSettings: (given) => {
    const parsed = z.strictObject(settings).safeParse(given);
    if (parsed.success) return ok(parsed.data as typeof given);
    return err(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}.`));
  },
  ...more,
});

const KINDS = [
  kind("plan", "start"),
  kind("plan", "check"),
  kind("plan", "parallel"),
  kind("plan", "conditional", {}, { readsWhen: true }),
  kind("task", "draft"),
  kind("task", "redraft"),
  kind("task", "echo", { value: z.json().optional() }),
  kind("task", "model", { name: z.string(), temperature: z.coerce.number().max(2).default(1) }),
];

export const catalogue: Catalogue = {
  find: (type, name) => KINDS.find((entry) => entry.type === type && entry.name === name),
  names: (type) => KINDS.filter((entry) => entry.type === type).map((entry) => entry.name),
};
