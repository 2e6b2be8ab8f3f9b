/** What the doctor finds: one for each thing that it looked at, and where it is not well, why that matters and what to do. */

export interface Ailment {
  readonly found: string;
  /** What comes of it. */
  readonly matters: string;
  readonly todo: string;
}

interface Looked {
  readonly about: string;
  readonly found: string;
}

export type Finding =
  | (Looked & { readonly level: "ok" })
  | (Looked & Ailment & { readonly level: "warn" | "fail" });

export type Findings = AsyncGenerator<Finding, void>;

export const ok = (about: string, found: string): Finding => ({ level: "ok", about, found });
export const warn = (about: string, ailment: Ailment): Finding => ({ level: "warn", about, ...ailment });
export const fail = (about: string, ailment: Ailment): Finding => ({ level: "fail", about, ...ailment });

export const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  // Of several addresses that were tried, each has an error of its own and the whole has no text.
  const said = error instanceof AggregateError ? error.errors.map(messageOf).join("; ") : error.message;
  const cause = error.cause instanceof Error ? messageOf(error.cause) : "";
  return said.includes(cause) ? said : `${said}: ${cause}`;
};

/** Three of them by name. */
export const some = (names: readonly string[]): string =>
  names.length <= 3 ? names.join(", ") : `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`;

/** Names by what is said of them, so that it is said once. */
export class Grouped {
  readonly #names = new Map<string, string[]>();

  add(said: string, name: string): void {
    this.#names.set(said, [...(this.#names.get(said) ?? []), name]);
  }

  /** One line for each. */
  get lines(): readonly string[] {
    return [...this.#names].map(([said, names]) => `${some(names)}: ${said}`);
  }
}
