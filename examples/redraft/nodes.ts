/**
 * An agent that writes an announcement. The writer starts out wordy and mends one thing a round; the check
 * knows the rules; the editor decides. Deterministic, so that every run shows the same rounds.
 */
import { z } from "zod";
import { definePlan, defineTask } from "../../src/executor/node.ts";
import { pause } from "../pause.ts";

const brief = z.object({
  product: z.string().min(1),
  audience: z.string().min(1),
  facts: z.array(z.string()).min(1),
  words_max: z.int().min(5),
});

const assignment = z.object({
  brief,
  /** What the check found in the draft before; the first draft has none. */
  previous: z.object({ facts: z.int(), hype: z.boolean(), findings: z.array(z.string()) }).optional(),
});

const drafted = z.object({ brief, text: z.string(), facts: z.int(), hype: z.boolean() });
const checked = drafted.extend({ findings: z.array(z.string()) });

const wordsOf = (text: string): number => text.split(/\s+/).filter(Boolean).length;

/** Sends the draft round again while the check finds something, and publishes it when it finds nothing. */
const editor = definePlan("editor", {
  input: z.union([brief, checked]),
  run: (input) => {
    if (!("findings" in input)) return { next: ["draft"], parameters: { draft: { brief: input } } };
    const { brief, text, facts, hype, findings } = input;
    if (findings.length === 0) return { next: ["publish"], parameters: { publish: { text } } };
    return { next: ["draft"], parameters: { draft: { brief, previous: { facts, hype, findings } } } };
  },
});

const draft = defineTask("draft", {
  input: assignment,
  output: drafted,
  run: async ({ brief, previous }, { signal, usage }) => {
    await pause(180, signal);
    // Mends the first finding only, as writers do.
    const [finding = ""] = previous?.findings ?? [];
    const hype = previous ? previous.hype && !finding.startsWith("hype") : true;
    const facts = previous ? previous.facts - (finding.startsWith("length") ? 1 : 0) : brief.facts.length;
    const told = brief.facts.slice(0, Math.max(1, facts)).join(", ");
    const text = `${hype ? "The revolutionary " : ""}${brief.product} for ${brief.audience}: it ${told}.`;
    usage({ tokensIn: 40 + 10 * brief.facts.length, tokensOut: wordsOf(text), model: "example-writer" });
    return { brief, text, facts, hype };
  },
});

const check = defineTask("check", {
  input: drafted,
  output: checked,
  run: async (input, { signal }) => {
    await pause(60, signal);
    const words = wordsOf(input.text);
    const findings = [
      ...(/revolutionary/i.test(input.text) ? ["hype: leave out 'revolutionary'"] : []),
      ...(words > input.brief.words_max ? [`length: ${words} words, at most ${input.brief.words_max}`] : []),
    ];
    return { ...input, findings };
  },
});

const publish = defineTask("publish", {
  input: z.object({ text: z.string() }),
  output: z.object({ published: z.string(), words: z.int() }),
  run: async ({ text }, { attempt, signal }) => {
    await pause(90, signal);
    if (attempt === 1) throw new Error("the press office did not pick up; trying again");
    return { published: text, words: wordsOf(text) };
  },
});

export const redraftNodes = { plans: [editor], tasks: [draft, check, publish] };
