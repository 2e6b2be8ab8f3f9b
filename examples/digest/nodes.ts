/** Readers that note what a document is about, and a digest of what several documents share. */
import { z } from "zod";
import { definePlan, defineTask } from "../../src/executor/node.ts";
import { pause } from "../pause.ts";

const document = z.object({ title: z.string(), text: z.string() });
const note = z.object({ title: z.string(), opening: z.string(), terms: z.array(z.string()) });
const notes = z.object({ notes: z.array(note) });

const TERM_LETTERS_MIN = 4;
const COMMON = new Set(["because", "every", "that", "their", "with", "after", "again", "needs", "three"]);

const termsOf = (text: string): string[] => {
  const words = text.toLowerCase().match(/[a-z]+/g) ?? [];
  return [...new Set(words.filter((word) => word.length >= TERM_LETTERS_MIN && !COMMON.has(word)))];
};

/** Deals the documents out like cards; a reader without any is not launched. */
const shareOut = definePlan("share_out", {
  input: z.object({ documents: z.array(document).min(1) }),
  run: ({ documents }, { next }) => {
    const hands = next.map(({ name }, reader) => ({
      name,
      documents: documents.filter((_, index) => index % next.length === reader),
    }));
    const dealt = hands.filter((hand) => hand.documents.length > 0);
    return {
      next: dealt.map(({ name }) => name),
      parameters: Object.fromEntries(dealt.map(({ name, documents }) => [name, { documents }])),
    };
  },
});

const read = defineTask("read", {
  input: z.object({ documents: z.array(document) }),
  output: notes,
  settings: z.object({
    /** How long a document takes. */
    page_ms: z.int().min(0).default(50),
    /** Fails its first attempt, to show a retry. */
    stumbles: z.boolean().default(false),
  }),
  run: async ({ documents }, { signal, settings, attempt, usage, heartbeat }) => {
    for (const [read] of documents.entries()) {
      if (read > 0) heartbeat({ read, of: documents.length });
      await pause(settings.page_ms, signal);
    }
    if (settings.stumbles && attempt === 1) throw new Error("lost the place; reading it again");
    usage({ custom: { documents: documents.length } });
    return {
      notes: documents.map(({ title, text }) => ({
        title,
        opening: text.split(/(?<=\.)\s/)[0] ?? text,
        terms: termsOf(text),
      })),
    };
  },
});

/** A single reader's notes come by themselves, those of several as a list. */
const digest = defineTask("digest", {
  input: z.union([notes.transform((only) => [only]), z.array(notes)]),
  output: z.object({ documents: z.int(), themes: z.array(z.string()), openings: z.array(z.string()) }),
  run: async (readers, { signal }) => {
    await pause(150, signal);
    const all = readers.flatMap((reader) => reader.notes);
    const counts = new Map<string, number>();
    for (const { terms } of all) for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1);
    const shared = [...counts].filter(([, count]) => count > 1);
    const themes = shared.sort(([a, m], [b, n]) => n - m || a.localeCompare(b)).map(([term]) => term);
    return {
      documents: all.length,
      themes: themes.slice(0, 5),
      openings: all.map(({ title, opening }) => `${title}: ${opening}`),
    };
  },
});

export const digestNodes = { plans: [shareOut], tasks: [read, digest] };
