/**
 * `npm run bench`: the runtime beside the floor, in interleaved pairs within one run, so that whatever else the
 * machine does hits both. `--section` picks what is run; without it, all of it is.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Lab } from "./lab.ts";
import { callers } from "./sections/callers.ts";
import { growth } from "./sections/growth.ts";
import { guardrails } from "./sections/guardrails.ts";
import { readers } from "./sections/readers.ts";
import { shapes } from "./sections/shapes.ts";
import { tenants } from "./sections/tenants.ts";
import { NAMES } from "./subjects.ts";

const SECTIONS = {
  callers: (lab: Lab) => callers(lab, options.callers.split(",").map(Number)),
  shapes,
  tenants,
  growth,
  readers,
  guardrails,
};

const { values: options } = parseArgs({
  options: {
    pairs: { type: "string", default: "7" },
    seconds: { type: "string", default: "3" },
    callers: { type: "string", default: "1,32,256" },
    section: { type: "string", default: Object.keys(SECTIONS).join() },
    only: { type: "string" },
    profile: { type: "boolean", default: false },
  },
});

const folder = await mkdtemp(join(tmpdir(), "escapement-bench-"));
try {
  const lab = new Lab(folder, {
    pairs: Number(options.pairs),
    seconds: Number(options.seconds),
    names: NAMES.filter((name) => (options.only ?? name) === name),
    profile: options.profile,
  });
  for (const name of options.section.split(",")) {
    const section = SECTIONS[name as keyof typeof SECTIONS];
    if (section === undefined)
      throw new Error(`no section ${name}; there are ${Object.keys(SECTIONS).join(", ")}`);
    await section(lab);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
