/** The header Retry-After, as a wait from now: seconds, or a date. */

const SECONDS = /^\d{1,9}$/;
/** The one form that is still written; a date of another would be read in the time of wherever this runs. */
const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** Milliseconds; undefined where the header says nothing that can be read. */
export const readRetryAfter = (value: string | null, now: number): number | undefined => {
  const text = value?.trim() ?? "";
  if (SECONDS.test(text)) return Number(text) * 1_000;
  const at = HTTP_DATE.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
};
