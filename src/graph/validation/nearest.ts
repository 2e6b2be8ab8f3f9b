/** Which of the known names an author may have meant. Only for messages. */

/** Levenshtein distance; names are short by then, so the quadratic table is small. */
const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
};

const COMPARED_CHARS_MAX = 40;
const LISTED_MAX = 10;

/** `"a", "b" and 7 more`, the nearest first. */
export const nearestFirst = (wanted: string, names: readonly string[]): string => {
  const start = wanted.slice(0, COMPARED_CHARS_MAX).toLowerCase();
  const ranked = names
    .map((name) => ({ name, rank: distance(start, name.slice(0, COMPARED_CHARS_MAX).toLowerCase()) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ name }) => `"${name}"`);
  const more = ranked.length - LISTED_MAX;
  return ranked.slice(0, LISTED_MAX).join(", ") + (more > 0 ? ` and ${more} more` : "");
};

/** The one known name that is a slip of the hand away, as words to append: `; did you mean "kind"?` */
export const didYouMean = (wanted: string, names: Iterable<string>): string => {
  if (wanted.length > COMPARED_CHARS_MAX) return "";
  for (const name of names) {
    if (Math.abs(name.length - wanted.length) > 2) continue;
    if (distance(wanted.toLowerCase(), name.toLowerCase()) <= Math.min(2, wanted.length - 1))
      return `; did you mean "${name}"?`;
  }
  return "";
};
