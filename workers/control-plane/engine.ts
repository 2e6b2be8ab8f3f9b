/**
 * The ordered act of one tenant object: what has arrived goes through a turn, is committed, and only then
 * do effects leave. What to do is decided in src/control-plane, never here.
 *
 * 1. Whatever leaves was durable before it left: effects are released after the transaction, and the
 *    platform holds what leaves until the disk has it.
 * 2. A release never throws: a committed batch is never committed again.
 */

import type { RoomLimits } from "../../src/control-plane/room.ts";
import type { Store, Writes } from "../../src/control-plane/store.ts";
import { type Emitted, type Happening, Turn } from "../../src/control-plane/turn.ts";
import type { Executor } from "../../src/executor/dispatch.ts";
import { BATCH_EVENTS_MAX } from "../../src/limits.ts";
import type { LogRecord } from "../../src/topics/record.ts";
import type { Kind } from "../../src/topics/topics.ts";
import { Alignment } from "./alignment.ts";
import { BudgetTable } from "./budget-table.ts";
import { Calls } from "./calls.ts";
import { Dispatcher, type Outgoing } from "./dispatcher.ts";
import { Elsewhere } from "./elsewhere.ts";
import { Graphs } from "./graphs.ts";
import { HoldTable } from "./hold-table.ts";
import { type Identity, readIdentity, writeIdentity } from "./identity.ts";
import { type Arrival, Inbox } from "./inbox.ts";
import type { Standing } from "./lifetime-rows.ts";
import { Lifetimes } from "./lifetimes.ts";
import { Log } from "./log.ts";
import { MarkTable } from "./mirror/mark-table.ts";
import { Mirror } from "./mirror/mirror.ts";
import { PolicyTable } from "./policy-table.ts";
import { type ProjectionPort, Projector } from "./projector.ts";
import { Room } from "./room.ts";
import { migrate } from "./schema.ts";
import { CountedSql } from "./sql.ts";
import { type Parts, sqlStore, write } from "./sql-store.ts";
import { STREAM_BOUNDS, Streams } from "./streams/streams.ts";
import { Timers } from "./timers.ts";
import { setAsideRecord } from "./unprojectable.ts";
import { Waiters } from "./waiters.ts";
import { Watch } from "./watch.ts";

export interface EnginePorts {
  /** What the nodes of this deployment can decide without an executor. */
  readonly decide: Store["decide"];
  /** Of this deployment. */
  readonly version?: string | undefined;
  /** Its name, by which its records in Kafka are known. */
  readonly deployment: string;
  /** What paths are signed with. */
  readonly secret: string;
  readonly executors: Readonly<Record<Kind, Executor>>;
  readonly projection: ProjectionPort;
  readonly now: () => number;
  /** Lower ones than those of this deployment. */
  readonly limits?: Partial<RoomLimits>;
  /** Where they are to be others than in limits.ts. */
  readonly streamBounds?: Partial<typeof STREAM_BOUNDS>;
}

/** What is woken with every commit that appended to the log. */
export const LOG_GREW = "";
/** Turns in a row with one lifetime and no input out, after which the next is taken at once. */
const ALONE_TURNS = 16;
/** An alarm that finds work of its own left comes again after this. */
const ALARM_AGAIN_MS = 1_000;

const changesBudgets = ({ type }: LogRecord): boolean => type === "budget_set" || type === "budget_removed";

export class Engine {
  readonly watch = new Watch(this);
  readonly parts: Parts;
  readonly inbox: Inbox;
  readonly dispatcher: Dispatcher;
  readonly projector: Projector;
  readonly alignment: Alignment;
  readonly streams: Streams;
  readonly room: Room;
  readonly mirror: Mirror;
  /** By lifetime id, woken when it ends; and LOG_GREW. */
  readonly waiters = new Waiters<string>();
  readonly #storage: DurableObjectStorage;
  readonly #ports: EnginePorts;
  readonly #timers: Timers;
  readonly #store: Store;
  #identity: Identity | undefined;
  #resumed = false;
  #aloneFor = 0;

  constructor(state: DurableObjectState, ports: EnginePorts) {
    const { storage } = state;
    migrate(storage);
    const sql = new CountedSql(storage.sql);
    this.#storage = storage;
    this.#ports = ports;
    const { say } = this.watch;
    const lifetimes = storage.transactionSync(() => new Lifetimes(sql));
    const graphs = new Graphs(sql);
    this.parts = {
      sql,
      log: new Log(sql),
      lifetimes,
      graphs,
      holds: new HoldTable(sql),
      budgets: new BudgetTable(sql),
      marks: new MarkTable(sql),
      elsewhere: new Elsewhere(sql, graphs, lifetimes),
      policies: new PolicyTable(sql, () => lifetimes.open.running),
    };
    this.#store = sqlStore(this.parts, ports);
    this.inbox = new Inbox(
      () => (this.#isAlone() ? undefined : storage.sync()),
      (arrivals) => this.#act(arrivals),
    );
    this.dispatcher = new Dispatcher(new Calls(this, ports));
    this.alignment = new Alignment({
      running: () => this.#running(),
      align: (id) => this.inbox.ask((turn) => turn.align(id)),
      aligned: () => {
        this.parts.holds.forgetLifted();
        this.parts.budgets.learned();
      },
      say,
    });
    this.streams = new Streams({
      log: this.parts.log,
      lifetimes: this.parts.lifetimes,
      durable: () => storage.sync(),
      bounds: { ...STREAM_BOUNDS, ...ports.streamBounds },
      say,
    });
    this.projector = new Projector(this.parts.log, {
      projection: ports.projection,
      address: () => this.active,
      setAside: (offset, detail) => {
        setAsideRecord(this.parts, { offset, detail, at: ports.now() }, say);
        this.watch.metrics.buried("unprojectable");
      },
      caughtUp: () => this.mirror.roomy(),
      say,
    });
    this.#timers = new Timers(storage);
    this.#identity = readIdentity(sql);
    this.room = new Room(storage, this.parts, ports.limits, {
      identity: () => this.#identity,
      projector: this.projector,
      // Not in the middle of what has filled it.
      full: () => void setTimeout(() => this.mirror.full(), 0),
      roomy: () => this.mirror.roomy(),
      say,
    });
    this.mirror = new Mirror(this, state, ports);
  }

  get identity(): Identity | undefined {
    return this.#identity;
  }

  /** Undefined where nothing may happen: never provisioned, or going. */
  get active(): Identity | undefined {
    return this.#identity?.status === "ACTIVE" ? this.#identity : undefined;
  }

  identify(identity: Identity): void {
    writeIdentity(this.parts.sql, identity);
    const { logRetentionMs, mirror } = this.#identity ?? {};
    this.#identity = identity;
    if (identity.mirror !== mirror) this.mirror.configured();
    if (identity.logRetentionMs !== logRetentionMs)
      this.#timers.arm(this.room.trimmer.anew(this.#ports.now()));
  }

  /**
   * Picks up what an earlier incarnation of this object left: every call that it had made is void, so what
   * is outstanding is sent again. What only waits, or is held, is neither read nor written.
   */
  resume(): void {
    if (this.#resumed || this.active === undefined) return;
    this.#resumed = true;
    const running = this.#running();
    if (running.length > 0) this.watch.say("info", "resumed", { lifetimes: running.length });
    for (const { id, started, due, sent } of running) {
      this.#timers.set(started, due);
      if (sent) this.tell(id, { type: "restarted" });
    }
    if (this.parts.holds.any || this.parts.budgets.unlearned) this.alignment.start();
    if (this.parts.log.tail > 1) this.projector.schedule();
  }

  #running(): readonly Standing[] {
    const { lifetimes, log } = this.parts;
    if (lifetimes.anyBehind) this.commit(() => lifetimes.checkpoint(log.tail - 1));
    return lifetimes.running();
  }

  /** What is written beside any turn, as one; and then what is to be remembered of it. */
  commit(write: () => () => void): void {
    this.#storage.transactionSync(write)();
  }

  happen(lifetime: string, happening: Happening): Promise<boolean> {
    return this.inbox.ask((turn) => turn.happen(lifetime, happening));
  }

  /**
   * Whether an arrival has had nothing to share its commit with for some time. Callers that come together
   * also end together, so that one moment without them says nothing.
   */
  #isAlone(): boolean {
    const alone = this.#timers.size <= 1 && this.dispatcher.inFlight === 0;
    this.#aloneFor = alone ? this.#aloneFor + 1 : 0;
    return this.#aloneFor > ALONE_TURNS;
  }

  /** For what nobody waits for. */
  tell(lifetime: string, happening: Happening): void {
    this.happen(lifetime, happening).catch((cause) =>
      this.watch.say("error", `${happening.type}_lost`, { lifetime, detail: String(cause) }),
    );
  }

  /** Never throws: the platform would try six times and then forget the alarm. */
  async alarm(): Promise<void> {
    const now = this.#ports.now();
    this.#timers.fired();
    this.resume();
    const taken = this.#timers.take(now);
    try {
      const due = taken.map((started) => this.parts.lifetimes.idOf(started));
      const waiting = this.dispatcher.waiting();
      for (let i = 0; i < due.length; i += BATCH_EVENTS_MAX)
        await Promise.all(
          due.slice(i, i + BATCH_EVENTS_MAX).map((id) => id && this.#timePassed(id, waiting.get(id))),
        );
      this.room.trimmer.slice(now);
      this.looked();
    } catch (cause) {
      this.watch.say("error", "alarm_failed", { detail: String(cause) });
      for (const started of taken) this.#timers.retry(started, now + ALARM_AGAIN_MS);
    }
    // Not awaited: no alarm rings while this one is at work, and D1 may take its time.
    if (this.projector.backlog > 0) this.projector.schedule();
    if (this.alignment.unfinished) this.alignment.start();
    const left = this.projector.backlog > 0 || this.alignment.unfinished;
    const again = left ? now + ALARM_AGAIN_MS : Number.POSITIVE_INFINITY;
    this.#timers.arm(Math.min(again, this.room.trimmer.pending ?? again));
  }

  /** When the tenant is to go, and after its tables were emptied: nothing of it is kept in memory. */
  reset(): void {
    this.inbox.fail(new Error("the tenant is being deleted"));
    this.dispatcher.reset();
    this.parts.log.reset();
    this.parts.lifetimes.reset();
    this.parts.graphs.reset();
    this.parts.holds.reset();
    this.parts.budgets.reset();
    this.parts.marks.reset();
    this.mirror.reset();
    this.parts.policies.reset();
    this.projector.reset();
    this.alignment.reset();
    this.#timers.reset();
    this.room.trimmer.reset();
    this.room.look();
    this.streams.reset("tenant_deleting", "the tenant is being deleted");
    this.watch.metrics.reset();
    this.waiters.wakeAll();
  }

  /** What waited for room goes on where there is some. */
  looked(): void {
    this.room.look();
    this.dispatcher.pump();
  }

  /** A lease does not run out while its input waits here for room. */
  #timePassed(id: string, waiting: readonly Outgoing[] = []): Promise<boolean> {
    for (const { n, attempt } of waiting) this.tell(id, { type: "heartbeat_received", n, attempt });
    return this.happen(id, { type: "time_passed" });
  }

  #act(arrivals: readonly Arrival[]): void {
    const { active } = this;
    if (active === undefined) throw new Error("the tenant is not active");
    const turn = new Turn(this.#store, active, this.#ports.now());
    const results = arrivals.map((arrival) => arrival.take(turn));
    const { writes, emitted } = turn;
    const committed = this.#storage.transactionSync(() => write(this.parts, writes));
    committed();
    this.room.grew(this.parts.log.appendedBytes);
    this.#guarded(() => this.watch.committed(arrivals.length, writes));
    this.#guarded(() => this.#release(writes, emitted));
    for (const [i, arrival] of arrivals.entries()) this.#guarded(() => arrival.committed(results[i]));
  }

  /** Whoever resumed a tenant must not depend on anybody asking for it again. */
  #learnHolds(): void {
    this.alignment.start();
    this.#timers.arm(this.#ports.now() + ALARM_AGAIN_MS);
  }

  #guarded(release: () => void): void {
    try {
      release();
    } catch (cause) {
      this.watch.say("error", "release_failed", { detail: String(cause) });
    }
  }

  #release(writes: Writes, emitted: readonly Emitted[]): void {
    const now = this.#ports.now();
    for (const { head } of writes.lifetimes)
      if (head.ended === undefined) this.#timers.set(head.started, head.due);
      else this.#timers.delete(head.started);
    if (writes.holds || (writes.guard && writes.records.some(changesBudgets))) this.#learnHolds();
    this.#timers.arm(this.room.trimmer.due(now));
    for (const { lifetime, effect } of emitted) {
      const { id, graph, version } = lifetime.head;
      if (effect.type === "dispatch") {
        const { n, attempt, offset, due, node, allowance } = effect;
        const spec = this.parts.graphs.index(graph, version).spec(node);
        this.dispatcher.add({
          lifetime: id,
          n,
          attempt,
          offset,
          due,
          spec,
          since: now,
          ...(allowance && { allowance }),
        });
      } else if (effect.type === "withdraw") this.dispatcher.withdraw(id, effect.inputs);
      else this.waiters.wake(id);
    }
    this.dispatcher.pump();
    if (writes.records.length === 0) return;
    this.streams.publish(writes.records);
    this.projector.grew(writes.records);
    this.mirror.grew();
    this.waiters.wake(LOG_GREW);
  }
}
