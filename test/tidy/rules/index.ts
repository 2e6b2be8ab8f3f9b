// All tidy rules, under the sentence that holds when nothing is found.
import type { Rule } from "../source.ts";
import {
  fileSize,
  functionSize,
  names,
  noDefaultExports,
  noEscapes,
  noSilentSkips,
  opening,
} from "./form.ts";
import { functionalCore } from "./functional-core.ts";
import { importDirections } from "./imports.ts";

export const RULES = {
  "imports go one way": importDirections,
  "the core does not wait, read a clock, draw lots or touch the world": functionalCore,
  "no file is longer than 400 lines": fileSize,
  "no function is longer than 70 lines": functionSize,
  "every file opens by saying what it owns": opening,
  "names are those of the vocabulary": names,
  "no `any`, and nothing asserted to be there": noEscapes,
  "only the platform's entry points export a default": noDefaultExports,
  "no test is skipped without its reason": noSilentSkips,
} satisfies Record<string, Rule>;
