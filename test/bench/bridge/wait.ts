/** Waits for what has to come, and says what did not. */
const POLL_MS = 50;
const WAIT_MS_MAX = 120_000;

export const until = async (what: string, is: () => boolean | Promise<boolean>): Promise<void> => {
  for (const deadline = performance.now() + WAIT_MS_MAX; !(await is()); ) {
    if (performance.now() > deadline) throw new Error(`waited ${WAIT_MS_MAX / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
};
