/** Waits for what may never settle, and no longer than it is told. */

/** False where it had not settled by then; what it settled with is nobody's business. */
export const settlesWithin = async (ms: number, act: Promise<unknown>): Promise<boolean> => {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), ms);
  const settled = act.then(
    () => true,
    () => true,
  );
  return Promise.race([settled, late.promise]).finally(() => clearTimeout(timer));
};
