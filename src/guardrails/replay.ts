/**
 * Folds a policy over what was recorded: in the order of the log, with the state that it would have seen, by the
 * evaluation that is made live. For each lifetime it finds the first decision that would have been another; what
 * was recorded after that is what would not have been, as far as anybody can know.
 */
import { parseInputId } from "../control-plane/ids.ts";
import { ROOT_NAME } from "../control-plane/root.ts";
import type { Node } from "../graph/graph.ts";
import { BACKTEST_FAILED_KEPT } from "../limits.ts";
import {
  type ExecutionRecord,
  type InputRecord,
  type LifetimeStartedRecord,
  type LogRecord,
  recorded,
  type VerdictRecord,
} from "../topics/record.ts";
import type { Kind } from "../topics/topics.ts";
import { decodeExecution, decodeHeader, type Execution, isPlan } from "../wire/codec.ts";
import { type ExecutionHeader, ExecutionStatus } from "../wire/gen/escapement/v1/execution_pb.ts";
import { type Finding, judge } from "./judge.ts";
import { hashOf } from "./payload.ts";
import { PolicySet, type Rule } from "./policy-set.ts";
import {
  type Asked,
  type Decision,
  type Flip,
  type Life,
  newLife,
  passed,
  remember,
  reservedOf,
} from "./replayed-life.ts";
import type { Subject } from "./subject.ts";
import {
  addUsage,
  executionRecorded,
  inputIssued,
  type Needs,
  NOTHING_SPENT,
  newTenantTally,
  repeated,
  type Spent,
  type TenantTally,
  tenantRuns,
  tenantSpent,
} from "./tally.ts";

export interface ReplayPorts {
  readonly tenant: string;
  readonly node: (graph: string, version: number, name: string) => Node;
  /** The encoded execution at an offset; throws where it is gone. */
  readonly messageAt: (offset: number) => Uint8Array;
  /** Milliseconds since the epoch: what was recorded from the first, and before the second, is judged. */
  readonly from: number;
  readonly until: number;
}

const NO_NEEDS: Needs = { spent: false, open: false, repeats: false, tenant: false };

export class Replay {
  readonly #rule: Rule;
  readonly #set: PolicySet;
  readonly #needs: Needs;
  readonly #ports: ReplayPorts;
  readonly #lives = new Map<string, Life>();
  readonly #failed = new Map<string, Life>();
  #tenant: TenantTally = newTenantTally(0);
  /** That were judged; and executions that were looked at. */
  lifetimes = 0;
  executions = 0;
  flips = 0;
  saved: Spent = NOTHING_SPENT;

  constructor(rule: Rule, ports: ReplayPorts) {
    this.#rule = rule;
    this.#set = new PolicySet(0, new Map([[rule.policy.name, rule]]));
    this.#needs = this.#set.needs ?? NO_NEEDS;
    this.#ports = ports;
  }

  /** The next record of the log; answers the flip of a lifetime that has ended with it. */
  take(record: LogRecord): Flip | undefined {
    switch (record.type) {
      case "lifetime_started":
        this.#started(record);
        return undefined;
      case "input":
        this.#input(record);
        return undefined;
      case "execution":
        this.#execution(record);
        return undefined;
      case "verdict":
        this.#verdict(record);
        return undefined;
      case "lifetime_ended": {
        this.#tenant = tenantRuns(this.#tenant, -1);
        const life = this.#lives.get(record.lifetime);
        this.#lives.delete(record.lifetime);
        if (life && record.status === "FAILED") this.#keepFailed(life);
        return life && this.#told(life);
      }
      case "lifetime_retried": {
        this.#tenant = tenantRuns(this.#tenant, 1);
        const life = this.#failed.get(record.lifetime);
        if (life) this.#lives.set(record.lifetime, life);
        this.#failed.delete(record.lifetime);
        return undefined;
      }
      default:
        return undefined;
    }
  }

  /** The flips of lifetimes that have not ended. */
  *rest(): Generator<Flip> {
    for (const life of this.#lives.values()) {
      const flip = this.#told(life);
      if (flip) yield flip;
    }
    this.#lives.clear();
  }

  /** What has failed may be continued. */
  #keepFailed(life: Life): void {
    this.#failed.set(life.id, life);
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > BACKTEST_FAILED_KEPT && oldest !== undefined) this.#failed.delete(oldest);
  }

  #told(life: Life): Flip | undefined {
    this.#askRefused(life);
    if (life.flip === undefined) return undefined;
    const { flip, saved } = life;
    delete life.flip;
    life.told = true;
    this.flips++;
    this.saved = sum(this.saved, saved);
    return { ...flip, saved };
  }

  #started(record: LifetimeStartedRecord): void {
    this.#lives.set(record.lifetime, newLife(record));
    this.#tenant = tenantRuns(this.#tenant, 1);
    this.lifetimes++;
  }

  #input(record: InputRecord): void {
    const header = record.decoded ?? recorded(decodeHeader(record.header), record.offset);
    const life = this.#lives.get(header.lifetimeId);
    if (life === undefined) return;
    const { name, attempt } = header;
    const first = record.carries[0] === life.root && attempt === 1;
    // Before the first of them, and before what it counts.
    if (first && life.steps === 0 && life.open.size === 0)
      this.#ask(life, { ...this.#askedOf(record, header), on: "lifetime_start" });
    const group = record.kind === "task" || first ? `${record.kind} ${record.carries[0]} ${attempt}` : "";
    if (group === "" || life.together?.with !== group) life.together = { with: group, from: record.offset };
    this.#askRefused(life, numberOf(header));
    if (attempt === 1) passed(life, header);
    this.#ask(life, this.#askedOf(record, header));
    const hash =
      this.#needs.repeats && attempt === 1
        ? hashOf({ ...record, node: name, messageAt: this.#ports.messageAt })
        : undefined;
    life.tally = inputIssued(life.tally, this.#needs);
    if (hash !== undefined) life.repeats.set(name, repeated(life.repeats.get(name), hash));
    life.open.set(numberOf(header), record);
  }

  #askedOf(record: InputRecord, header: ExecutionHeader): Asked {
    const { kind, carries, withoutResult, parameters } = record;
    return { on: `${kind}_input`, record, header, carries, withoutResult, parameters };
  }

  #execution(record: ExecutionRecord): void {
    const execution =
      record.execution ?? recorded(decodeExecution(record.kind, record.message), record.offset);
    const { header } = execution;
    const life = header && this.#lives.get(header.lifetimeId);
    if (header === undefined || life === undefined) return;
    this.executions++;
    const input = life.open.get(numberOf(header));
    delete life.together;
    if (input) this.#askRefused(life);
    if (input) this.#answered(life, record, header, execution, input);
    else if (record.own && header.status === ExecutionStatus.REJECTED)
      this.#refused(life, record, header, execution);
    life.steps++;
    life.open.delete(numberOf(header));
    life.tally = executionRecorded(life.tally, this.#needs, header.usage, input !== undefined);
    if (this.#needs.tenant) this.#tenant = tenantSpent(this.#tenant, header.usage, record.at);
    if (life.flip && life.flip.offset < record.offset) life.saved = addUsage(life.saved, header.usage);
    remember(life.executions, header.execId, record.offset);
  }

  /** What an executor has answered; what the control plane ends itself was never asked about. */
  #answered(
    life: Life,
    record: ExecutionRecord,
    header: ExecutionHeader,
    execution: Execution,
    input: InputRecord,
  ): void {
    if (record.own) return;
    const { carries, withoutResult, parameters } = input;
    this.#ask(life, {
      on: `${record.kind}_execution`,
      record,
      header,
      carries,
      withoutResult,
      parameters,
      execution,
      issuedAt: input.at,
    });
  }

  /** An input that was not issued has left nothing but its outcome. */
  #refused(life: Life, record: ExecutionRecord, header: ExecutionHeader, execution: Execution): void {
    if (header.attempt === 1) passed(life, header);
    const parents = isPlan(execution) ? execution.parentTaskExecIds : [execution.parentPlanExecId];
    const carries = parents.map((id) => life.executions.get(id) ?? life.root);
    if (life.steps === 0) this.#ask(life, { on: "lifetime_start", record, header, carries });
    life.refused ??= [];
    life.refused.push({ on: `${record.kind}_input`, record, header, carries });
  }

  /** They were judged in the order of their numbers with what was issued after all of them were refused. */
  #askRefused(life: Life, before = Number.MAX_SAFE_INTEGER): void {
    const { refused } = life;
    if (refused === undefined) return;
    const later = refused.filter(({ header }) => numberOf(header) > before);
    if (later.length > 0) life.refused = later;
    else delete life.refused;
    for (const asked of refused) if (numberOf(asked.header) < before) this.#ask(life, asked);
  }

  #verdict(record: VerdictRecord): void {
    if (record.policy !== this.#rule.policy.name) return;
    const acted = record.mode === "enforce" && (record.error === undefined || record.on_error === "closed");
    const key = `${record.on} ${record.input} ${record.attempt}`;
    this.#lives.get(record.lifetime)?.verdicts.set(key, acted ? record.action : "NONE");
  }

  #ask(life: Life, asked: Asked): void {
    const { on, record, header } = asked;
    const key = `${on} ${header.inputId} ${header.attempt}`;
    const recorded = life.verdicts.get(key) ?? "NONE";
    life.verdicts.delete(key);
    const { from, until } = this.#ports;
    if (life.flip || life.told || record.at < from || record.at >= until) return;
    const rules = this.#set.find(on, life.graph, on === "lifetime_start" ? "" : header.name);
    if (rules.length === 0 && recorded === "NONE") return;
    const [finding] = judge(rules, this.#subjectOf(life, asked));
    const decision = decisionOf(finding);
    if (decision === recorded) return;
    life.flip = {
      lifetime: life.id,
      graph: life.graph,
      offset: record.offset,
      at: record.at,
      on,
      ...(on !== "lifetime_start" && { node: header.name }),
      input_id: header.inputId,
      attempt: header.attempt,
      ...(asked.execution && { exec_id: header.execId }),
      decision,
      recorded,
      ...(finding?.error !== undefined && { error: finding.error }),
      read: finding?.read ?? {},
    };
  }

  #subjectOf(life: Life, asked: Asked): Subject {
    const { on, record, header, carries, withoutResult = [], parameters, execution, issuedAt } = asked;
    const { id, graph, version, labels, startedAt, steps, tally } = life;
    const kind = on === "lifetime_start" || on.startsWith("plan") ? "plan" : "task";
    const carried = kind === "plan" ? "task" : "plan";
    return {
      on,
      at: record.at,
      tenant: this.#ports.tenant,
      tenantTally: this.#tenant,
      lifetime: { id, graph, version, labels, startedAt, steps, tally },
      iterations: () => life.iterations,
      repeats: (node) => life.repeats.get(node),
      reserved: () => reservedOf(life),
      ...(on !== "lifetime_start" && { node: this.#ports.node(graph, version, header.name) }),
      input: {
        id: header.inputId,
        attempt: header.attempt,
        iteration: header.iterationIdx,
        ...(issuedAt !== undefined && { elapsedMs: () => record.at - issuedAt }),
        from: () => carries.map((offset) => this.#nameAt(life, carried, offset)),
        carried: {
          kind,
          node: header.name,
          carries,
          withoutResult,
          parameters,
          messageAt: this.#ports.messageAt,
        },
      },
      ...(execution && { execution }),
    };
  }

  /** The node of the execution at an offset. */
  #nameAt({ root }: Life, kind: Kind, offset: number): string {
    if (offset === root) return ROOT_NAME;
    const found = decodeExecution(kind, this.#ports.messageAt(offset));
    return found.ok ? (found.value.header?.name ?? "") : "";
  }
}

const decisionOf = (finding: Finding | undefined): Decision => {
  if (finding === undefined) return "NONE";
  const { policy } = finding.rule;
  return finding.error !== undefined && policy.onError === "open" ? "NONE" : policy.action;
};

const numberOf = ({ inputId }: ExecutionHeader): number => parseInputId(inputId)?.n ?? 0;

const sum = (one: Spent, other: Spent): Spent => ({
  tokens_in: one.tokens_in + other.tokens_in,
  tokens_out: one.tokens_out + other.tokens_out,
  cost_usd_micros: one.cost_usd_micros + other.cost_usd_micros,
  calls: one.calls + other.calls,
});
