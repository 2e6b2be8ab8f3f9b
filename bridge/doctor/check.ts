/** What the doctor finds: a line for each thing that it looked at, and what to do where it is not well. */

export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  /** What was looked at. */
  readonly about: string;
  /** What was found, and for what is not well, what to do. */
  readonly said: string;
}

export const ok = (about: string, said: string): Finding => ({ level: "ok", about, said });
export const warn = (about: string, said: string): Finding => ({ level: "warn", about, said });
export const fail = (about: string, said: string): Finding => ({ level: "fail", about, said });

const SIGNS = { ok: "ok  ", warn: "WARN", fail: "FAIL" } as const;
export const lineOf = ({ level, about, said }: Finding): string =>
  `${SIGNS[level]}  ${about.padEnd(12)} ${said}`;

/** Findings of a look that may throw, which is a finding too. */
export const look = async (
  about: string,
  act: () => Promise<readonly Finding[]>,
  otherwise: string,
): Promise<readonly Finding[]> => {
  try {
    return await act();
  } catch (error) {
    return [fail(about, `${(error as Error).message}. ${otherwise}`)];
  }
};
