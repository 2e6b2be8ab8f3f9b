/**
 * What one tenant object has seen since it started: counted as it is committed, one pass over the records of a
 * commit, and only put together when it is asked for. Labels are kinds, statuses and reasons, whose number is
 * bounded; never ids or names that users give.
 */
import type { LifetimeStatus } from "../control-plane/status.ts";
import type { Writes } from "../control-plane/store.ts";
import {
  type Counters,
  DEAD_LETTER_REASONS,
  type DeadLetterReason,
  type StrayReason,
} from "../control-plane/tenant.ts";
import type { ExecutionRecord, LogRecord } from "../topics/record.ts";
import type { Kind } from "../topics/topics.ts";
import { ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";
import { counted, type Family, type Sample, single } from "./family.ts";
import { Histogram } from "./histogram.ts";
import { OffsetTimes } from "./offset-times.ts";

/** Seconds: from a plan that is decided at once to the longest lease. */
const STEP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900];
/** Seconds: a lease that waits half its node's time begins anew, so few wait for long. */
const QUEUE_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** Up to BATCH_EVENTS_MAX. */
const ARRIVALS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** What is so now, and is known elsewhere. */
export interface Gauges {
  /** Lifetimes that have not ended. */
  readonly running: number;
  readonly outstanding: number;
  readonly inFlight: number;
  readonly queued: number;
  /** Age of the oldest record that D1 lacks; undefined while nobody knows how far D1 is. */
  readonly lagMs: number | undefined;
  readonly backlog: number | undefined;
  /** Of what the object's storage may hold. */
  readonly storageShare: number;
  readonly flushFailures: number;
}

type Steps = Record<Kind, { readonly byStatus: number[]; readonly seconds: Histogram }>;

const STATUS_NAMES = Object.keys(ExecutionStatus);

/** The last is for what a foreign executor says and that has no name. */
const stepsOf = () => ({
  byStatus: [...STATUS_NAMES, "UNKNOWN"].map(() => 0),
  seconds: new Histogram(STEP_SECONDS),
});

export class TenantMetrics {
  readonly #appended = new OffsetTimes();
  readonly #arrivals = new Histogram(ARRIVALS);
  readonly #queued: Record<Kind, Histogram> = {
    plan: new Histogram(QUEUE_SECONDS),
    task: new Histogram(QUEUE_SECONDS),
  };
  readonly #steps: Steps = { plan: stepsOf(), task: stepsOf() };
  readonly #retries: Record<Kind, number> = { plan: 0, task: 0 };
  readonly #moves: Record<Exclude<LifetimeStatus, "QUEUED">, number> = {
    RUNNING: 0,
    WAITING: 0,
    PAUSED: 0,
    SUCCEEDED: 0,
    FAILED: 0,
    CANCELED: 0,
  };
  readonly #strays: Record<StrayReason, number> = { late: 0, duplicate: 0, unknown: 0, unfinished: 0 };
  readonly #deadLetters = Object.fromEntries(DEAD_LETTER_REASONS.map((reason) => [reason, 0])) as Record<
    DeadLetterReason,
    number
  >;
  #started = 0;
  #thresholds = 0;

  /** After each commit. Whether anything was in it that may be worth a line in the log. */
  committed(arrivals: number, { records, strays, deadLetters }: Writes): boolean {
    this.#arrivals.observe(arrivals);
    const [first] = records;
    if (first) this.#appended.note(first.offset, first.at);
    let failures = deadLetters.length;
    for (const record of records) if (this.#fails(record)) failures++;
    for (const { reason } of strays) this.#strays[reason]++;
    for (const { reason } of deadLetters) this.buried(reason);
    return failures > 0;
  }

  /** What became a dead letter by itself. */
  buried(reason: DeadLetterReason): void {
    this.#deadLetters[reason]++;
  }

  /** An input went to its executor, so long after it was there to be sent. */
  sent(kind: Kind, waitedMs: number): void {
    this.#queued[kind].observe(waitedMs / 1_000);
  }

  /** Offsets count from the beginning again. */
  reset(): void {
    this.#appended.reset();
  }

  /** Counts it, and says whether it tells of a failure, or of what may soon be one. */
  #fails(record: LogRecord): boolean {
    switch (record.type) {
      case "execution":
        return this.#stepFails(record);
      case "input":
        if ((record.decoded?.attempt ?? 1) > 1) this.#retries[record.kind]++;
        return false;
      case "lifetime_started":
        this.#started++;
        return false;
      case "lifetime_ended":
      case "lifetime_status":
        if (record.status !== "QUEUED") this.#moves[record.status]++;
        return record.status === "FAILED";
      case "budget_threshold":
        this.#thresholds++;
        return true;
      case "lifetime_retried":
        this.#moves.RUNNING++;
        return false;
      default:
        return false;
    }
  }

  #stepFails({ kind, at, input, execution }: ExecutionRecord): boolean {
    const { byStatus, seconds } = this.#steps[kind];
    const status = execution?.header?.status ?? ExecutionStatus.UNSPECIFIED;
    const counted = byStatus[status];
    if (counted === undefined) byStatus[STATUS_NAMES.length] = (byStatus[STATUS_NAMES.length] ?? 0) + 1;
    else byStatus[status] = counted + 1;
    const issued = input === undefined ? undefined : this.#appended.at(input);
    if (issued !== undefined) seconds.observe((at - issued) / 1_000);
    return status === ExecutionStatus.FAILED || status === ExecutionStatus.TIMED_OUT;
  }

  families(counters: Counters, gauges: Gauges): Family[] {
    return [
      ...this.#ofLifetimes(gauges),
      ...this.#ofSteps(counters, gauges),
      ...this.#setAside(),
      ...this.#ofCommits(counters),
      ...ofProjection(counters, gauges),
      single(
        "counter",
        "escapement_budget_thresholds_total",
        "Thresholds of budgets passed.",
        this.#thresholds,
      ),
      single("gauge", "escapement_storage_bytes", "Of the tenant's storage in use.", counters.storage_bytes),
      single("gauge", "escapement_storage_used_ratio", "Of what its storage holds.", gauges.storageShare),
      single("gauge", "escapement_stream_readers", "Who follow events now.", counters.stream_readers),
    ];
  }

  #ofLifetimes({ running }: Gauges): Family[] {
    const moves = "Lifetimes that came to a status after their start.";
    return [
      single("counter", "escapement_lifetimes_started_total", "Lifetimes that were started.", this.#started),
      counted("escapement_lifetime_moves_total", moves, "status", this.#moves),
      single("gauge", "escapement_lifetimes_open", "Lifetimes that have not ended.", running),
    ];
  }

  #ofSteps(counters: Counters, { outstanding, inFlight, queued }: Gauges): Family[] {
    const steps = Object.entries(this.#steps).flatMap(([kind, { byStatus }]) =>
      statusSamples(kind, byStatus),
    );
    const missing = "Inputs sent whose node no code at their executor had.";
    return [
      { name: "escapement_steps_total", help: "Executions recorded.", type: "counter", samples: steps },
      {
        name: "escapement_step_duration_seconds",
        help: "From an input to its execution, where an executor or a plan was to answer.",
        type: "histogram",
        samples: [
          ...this.#steps.plan.seconds.samples({ kind: "plan" }),
          ...this.#steps.task.seconds.samples({ kind: "task" }),
        ],
      },
      {
        name: "escapement_queue_wait_seconds",
        help: "From an input that may be sent to when it is.",
        type: "histogram",
        samples: [
          ...this.#queued.plan.samples({ kind: "plan" }),
          ...this.#queued.task.samples({ kind: "task" }),
        ],
      },
      counted("escapement_retries_total", "Attempts after the first.", "kind", this.#retries),
      single("counter", "escapement_executor_missing_total", missing, counters.executor_missing),
      single("counter", "escapement_executor_calls_total", "Calls of executors.", counters.rpcs),
      single("gauge", "escapement_inputs_outstanding", "Inputs without an outcome.", outstanding),
      single("gauge", "escapement_inputs_in_flight", "Inputs at executors.", inFlight),
      single("gauge", "escapement_inputs_queued", "Inputs that wait to be sent.", queued),
    ];
  }

  #setAside(): Family[] {
    const strays = "Answers that were understood and did not count.";
    return [
      counted("escapement_strays_total", strays, "reason", this.#strays),
      counted(
        "escapement_dead_letters_total",
        "Messages that nothing can be done with.",
        "reason",
        this.#deadLetters,
      ),
    ];
  }

  #ofCommits({ requests, rows }: Counters): Family[] {
    return [
      single("counter", "escapement_requests_total", "Calls of the tenant's object.", requests),
      {
        name: "escapement_commit_arrivals",
        help: "What shared a commit; their count is that of the commits.",
        type: "histogram",
        samples: this.#arrivals.samples(),
      },
      single("counter", "escapement_storage_rows_written_total", "Rows written, with index entries.", rows),
    ];
  }
}

const ofProjection = (counters: Counters, { lagMs, backlog, flushFailures }: Gauges): Family[] => {
  const lag = lagMs === undefined ? undefined : lagMs / 1_000;
  const age = "Age of the oldest record that D1 lacks; absent until D1 has said how far it is.";
  const bytes = "Of the messages of records that D1 lacks.";
  return [
    single("gauge", "escapement_projection_lag_seconds", age, lag),
    single("gauge", "escapement_projection_backlog_records", "Records that D1 lacks, at the most.", backlog),
    single("gauge", "escapement_projection_backlog_bytes", bytes, counters.backlog_bytes),
    single("counter", "escapement_projection_flushes_total", "Batches that D1 took.", counters.flushes),
    single("counter", "escapement_projection_failures_total", "Batches that D1 did not take.", flushFailures),
    single("counter", "escapement_projection_rows_total", "Rows written to D1.", counters.d1_rows),
  ];
};

/** All that an execution can have come to, and what else was met. */
const statusSamples = (kind: string, byStatus: readonly number[]): Sample[] =>
  byStatus.flatMap((value, status) => {
    if (value === 0 && (status < ExecutionStatus.SUCCEEDED || status === STATUS_NAMES.length)) return [];
    return [{ labels: { kind, status: STATUS_NAMES[status] ?? "UNKNOWN" }, value }];
  });
