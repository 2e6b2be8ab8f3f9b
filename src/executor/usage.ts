/** What an attempt says it has consumed; each report adds to the ones before. */
import { create } from "@bufbuild/protobuf";
import { type Usage, UsageSchema } from "../wire/gen/escapement/v1/execution_pb.ts";

export interface UsageReport {
  readonly tokensIn?: number;
  readonly tokensOut?: number;
  readonly costUsdMicros?: number;
  readonly latencyMs?: number;
  /** The last one named stands. */
  readonly model?: string;
  /** Quantities of the author's own, each added up by its name. */
  readonly custom?: Readonly<Record<string, number>>;
}

/** Throws a TypeError for what cannot be added up, in the node that reported it. */
const amount = (name: string, value = 0): bigint => {
  if (!Number.isFinite(value) || value < 0)
    throw new TypeError(`usage: ${name} is ${value}; report a number that is 0 or more`);
  return BigInt(Math.round(value));
};

export const addUsage = (sum: Usage | undefined, report: UsageReport): Usage => {
  const custom = new Map(Object.entries(sum?.custom ?? {}));
  for (const [name, value] of Object.entries(report.custom ?? {})) {
    if (!Number.isFinite(value)) throw new TypeError(`usage: custom.${name} is ${value}; report a number`);
    custom.set(name, (custom.get(name) ?? 0) + value);
  }
  return create(UsageSchema, {
    tokensIn: (sum?.tokensIn ?? 0n) + amount("tokensIn", report.tokensIn),
    tokensOut: (sum?.tokensOut ?? 0n) + amount("tokensOut", report.tokensOut),
    costUsdMicros: (sum?.costUsdMicros ?? 0n) + amount("costUsdMicros", report.costUsdMicros),
    latencyMs: (sum?.latencyMs ?? 0n) + amount("latencyMs", report.latencyMs),
    model: report.model ?? sum?.model ?? "",
    custom: Object.fromEntries(custom),
  });
};
