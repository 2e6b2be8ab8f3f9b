/**
 * Metrics as Prometheus reads them, text exposition format 0.0.4. A family is plain, so that it can be asked for
 * over RPC and be put together with those of others before it is written. Counts nothing itself.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  /** Of a histogram: which of its series. */
  readonly suffix?: "_bucket" | "_sum" | "_count";
  readonly labels: Labels;
  readonly value: number;
}

export interface Family {
  /** In base units, which it ends in; a counter ends in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
}

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** One sample, or none where the value is not known. */
export const single = (
  type: "counter" | "gauge",
  name: string,
  help: string,
  value: number | undefined,
): Family => ({ name, help, type, samples: value === undefined ? [] : [{ labels: {}, value }] });

/** A sample for each name of a record of counts. */
export const counted = (
  name: string,
  help: string,
  label: string,
  counts: Readonly<Record<string, number>>,
): Family => ({
  name,
  help,
  type: "counter",
  samples: Object.entries(counts).map(([key, value]) => ({ labels: { [label]: key }, value })),
});

/** The same families of several, each sample with the labels of whose it is: a family is written once. */
export const merged = (
  sources: readonly { readonly labels: Labels; readonly families: readonly Family[] }[],
): Family[] => {
  const byName = new Map<string, Family & { samples: Sample[] }>();
  for (const { labels, families } of sources)
    for (const family of families) {
      const into = byName.get(family.name) ?? { ...family, samples: [] };
      byName.set(family.name, into);
      for (const sample of family.samples)
        into.samples.push({ ...sample, labels: { ...labels, ...sample.labels } });
    }
  return [...byName.values()];
};

export const written = (families: readonly Family[]): string => families.map(familyText).join("");

const familyText = ({ name, help, type, samples }: Family): string => {
  const lines = samples.map(
    ({ suffix = "", labels, value }) => `${name}${suffix}${labelText(labels)} ${numberText(value)}\n`,
  );
  return `# HELP ${name} ${escaped(help, /[\\\n]/g)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
};

const labelText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value, /[\\\n"]/g)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
};

const escaped = (text: string, special: RegExp): string =>
  text.replaceAll(special, (found) => (found === "\n" ? "\\n" : `\\${found}`));

export const numberText = (value: number): string => {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
};
