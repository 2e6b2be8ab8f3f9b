/**
 * How far a lifetime goes within one turn while nothing is done for it: a loop that only rejections keep going would
 * run to its bounds in one transaction. Past a number of them its plans are left to their executor, as any other.
 */
import { REJECTIONS_PER_TURN_MAX } from "../limits.ts";
import type { LogRecord } from "../topics/record.ts";
import { ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";

export class Pace {
  readonly #rejections = new Map<string, number>();

  /** A record of this lifetime was appended. */
  see(lifetime: string, record: LogRecord): void {
    if (record.type !== "execution" || !record.own) return;
    if (record.execution?.header?.status !== ExecutionStatus.REJECTED) return;
    this.#rejections.set(lifetime, (this.#rejections.get(lifetime) ?? 0) + 1);
  }

  mayDecide(lifetime: string): boolean {
    return (this.#rejections.get(lifetime) ?? 0) <= REJECTIONS_PER_TURN_MAX;
  }
}
