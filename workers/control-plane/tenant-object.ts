/**
 * The object of one tenant and partition, as RPC sees it: each method checks who it is for, asks the engine,
 * and answers. Everything private is `#private`, because RPC can call any other method.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  Address,
  Answer,
  Counters,
  GraphView,
  LifetimeView,
  RetryRequest,
  SignalAnswer,
  SignalRequest,
  StartAnswer,
  StartRequest,
  StreamRequest,
  TenantRpc,
  TenantView,
} from "../../src/control-plane/tenant.ts";
import type { Happening, Turn } from "../../src/control-plane/turn.ts";
import { INBOX_EVENTS_MAX, READ_BARRIER_MS_MAX } from "../../src/limits.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { ExecutionTopic, Topic } from "../../src/topics/topics.ts";
import { Engine, type EnginePorts, LOG_GREW } from "./engine.ts";
import { type Identity, tenantView } from "./identity.ts";
import { viewOf } from "./lifetime-view.ts";
import { pause, pausedOf, resume } from "./pausing.ts";
import { type Registration, registerGraph, type StatusChange, setGraphStatus } from "./registration.ts";
import { emptyTables, type RemovalPort, removeSlice } from "./removal.ts";
import { retryLifetime } from "./retry.ts";
import { listDeadLetters, listStrays } from "./set-aside.ts";
import { signalLifetime } from "./signal.ts";
import { startLifetime } from "./start.ts";
import { readResult, readTopic } from "./topic-reader.ts";
import { whyOf } from "./why.ts";

export interface Ports extends EnginePorts {
  readonly projection: EnginePorts["projection"] & RemovalPort & ProvisionPort;
  readonly blobs: R2Bucket;
}

export interface ProvisionPort {
  /** Lists the tenant; an older generation changes nothing. */
  provision(identity: { tenant: string; generation: number; createdAt: number }): Promise<void>;
}

type Page = { after: number; limit: number };

const OVERLOADED_MS = 1_000;
const REMOVAL_AGAIN_MS = 1_000;

export class TenantObject extends DurableObject<Env> implements TenantRpc {
  readonly #engine: Engine;
  readonly #ports: Ports;
  #removing: Promise<void> | undefined;

  constructor(ctx: DurableObjectState, env: Env, ports: Ports) {
    super(ctx, env);
    this.#ports = ports;
    this.#engine = new Engine(ctx.storage, ports);
  }

  async provision(address: Address): Promise<Answer<TenantView & { created: boolean }>> {
    const known = this.#engine.identity;
    if (known?.status === "DELETING") return deleting(known);
    const created = known?.status !== "ACTIVE";
    const identity: Identity = created
      ? {
          ...address,
          generation: (known?.generation ?? 0) + 1,
          status: "ACTIVE",
          createdAt: this.#ports.now(),
        }
      : known;
    if (created) this.#engine.identify(identity);
    await this.#ports.projection.provision(identity);
    return ok({ ...this.#view(identity), created });
  }

  async describe(): Promise<Answer<TenantView>> {
    const { identity } = this.#engine;
    return identity === undefined || identity.status === "DELETED" ? missing() : ok(this.#view(identity));
  }

  async pauseTenant(detail: string): Promise<Answer<TenantView>> {
    const paused = await this.#ask((turn) => ok(pause(turn, undefined, detail)));
    return paused.ok ? this.describe() : paused;
  }

  async resumeTenant(): Promise<Answer<TenantView>> {
    const resumed = await this.#ask((turn) => ok(resume(turn, undefined)));
    return resumed.ok ? this.describe() : resumed;
  }

  async remove(): Promise<Answer<TenantView>> {
    const { identity } = this.#engine;
    if (identity === undefined || identity.status === "DELETED") return missing();
    const going: Identity = { ...identity, status: "DELETING" };
    this.#engine.identify(going);
    this.#engine.reset();
    await this.#remove(going);
    return ok(this.#view(going));
  }

  async registerGraph(request: Registration): Promise<Answer<GraphView & { created: boolean }>> {
    const { graphs } = this.#engine.parts;
    const registered = await this.#ask((turn) => {
      const may = this.#engine.room.mayArrive();
      return may.ok ? registerGraph(turn, request, graphs) : may;
    });
    if (!registered.ok) return registered;
    const { graph, version, created } = registered.value;
    const view = graphs.find(graph, version);
    return view
      ? ok({ ...this.#shown(view), created })
      : reject("internal", `version ${version} of ${graph} was not stored`);
  }

  async listGraphs({ after, limit }: { after: string; limit: number }) {
    const entered = this.#enter();
    return entered.ok ? ok(this.#engine.parts.graphs.list(after, limit).map(this.#shown)) : entered;
  }

  async listVersions(graph: string): Promise<Answer<readonly GraphView[]>> {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const versions = this.#engine.parts.graphs.versions(graph);
    return versions.length > 0
      ? ok(versions.map(this.#shown))
      : reject("graph_not_found", `no graph ${graph}; register it first`);
  }

  async getGraph(graph: string, version?: number) {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const detail = this.#engine.parts.graphs.detail(graph, version);
    return detail
      ? ok(this.#shown(detail))
      : reject("graph_not_found", `no graph ${graph}, or not this version of it`);
  }

  async setGraphStatus(change: StatusChange): Promise<Answer<readonly GraphView[]>> {
    const { graphs } = this.#engine.parts;
    const moved = await this.#ask((turn) => setGraphStatus(turn, change, graphs));
    if (!moved.ok) return moved;
    const versions = graphs.versions(change.graph);
    const now = versions.filter((each) => moved.value.some((was) => was.version === each.version));
    return ok(now.map(this.#shown));
  }

  async pauseGraph(graph: string, detail: string): Promise<Answer<readonly GraphView[]>> {
    const known = await this.listVersions(graph);
    if (!known.ok) return known;
    const paused = await this.#ask((turn) => ok(pause(turn, graph, detail)));
    return paused.ok ? this.listVersions(graph) : paused;
  }

  async resumeGraph(graph: string): Promise<Answer<readonly GraphView[]>> {
    const resumed = await this.#ask((turn) => ok(resume(turn, graph)));
    return resumed.ok ? this.listVersions(graph) : resumed;
  }

  async start(request: StartRequest): Promise<Answer<StartAnswer>> {
    const { graphs } = this.#engine.parts;
    const started = await this.#ask((turn) =>
      startLifetime(turn, request, graphs, this.#ports.now(), () => this.#engine.room.mayStart()),
    );
    if (!started.ok) return started;
    const lifetime = await this.#lifetime(started.value.lifetime, request.waitMs);
    return lifetime.ok ? ok({ lifetime: lifetime.value, replayed: started.value.replayed }) : lifetime;
  }

  async getLifetime(id: string, waitMs: number): Promise<Answer<LifetimeView>> {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const lifetime = await this.#lifetime(id, waitMs);
    const why = whyOf(id, this.#engine.parts, this.#engine.dispatcher);
    return lifetime.ok && why ? ok({ ...lifetime.value, why }) : lifetime;
  }

  async cancel(id: string, detail: string): Promise<Answer<LifetimeView>> {
    return this.#happen(id, { type: "cancel_requested", detail }, "canceled");
  }

  async pauseLifetime(id: string, detail: string): Promise<Answer<LifetimeView>> {
    return this.#happen(id, { type: "pause_requested", detail }, "paused");
  }

  async resumeLifetime(id: string): Promise<Answer<LifetimeView>> {
    return this.#happen(id, { type: "resume_requested" }, "resumed");
  }

  async getResult(offset: number): Promise<Answer<Uint8Array>> {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const result = readResult(this.#engine.parts.log, offset);
    return result ? ok(result) : reject("execution_not_found", `no result at ${offset}`);
  }

  async signal(request: SignalRequest): Promise<Answer<SignalAnswer>> {
    return this.#ask((turn) => signalLifetime(turn, request, this.#ports.now()));
  }

  async retry(request: RetryRequest): Promise<Answer<StartAnswer>> {
    const retried = await this.#ask((turn) => retryLifetime(turn, request, this.#ports.now()));
    if (!retried.ok) return retried;
    const lifetime = await this.#lifetime(request.lifetime, 0);
    return lifetime.ok ? ok({ lifetime: lifetime.value, replayed: retried.value.replayed }) : lifetime;
  }

  async produce(topic: ExecutionTopic, message: Uint8Array) {
    return this.#ask((turn) => {
      const may = this.#engine.room.mayArrive();
      return may.ok ? ok(turn.arrive(topic, message)) : may;
    });
  }

  async readTopic(request: { topic: Topic; offset: number; limit: number; waitMs: number }) {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const { topic, offset, limit, waitMs } = request;
    const deadline = this.#ports.now() + waitMs;
    const { log } = this.#engine.parts;
    for (;;) {
      if (offset > 0 && offset < log.first) return trimmed(log.first);
      const page = readTopic(log, topic, offset, limit);
      const left = deadline - this.#ports.now();
      if (page.records.length > 0 || left <= 0) return ok(page);
      await this.#engine.waiters.wait(LOG_GREW, left);
      const still = this.#still(entered.value);
      if (!still.ok) return still;
    }
  }

  async events(request: StreamRequest) {
    const entered = this.#enter();
    return entered.ok ? this.#engine.streams.open(request) : entered;
  }

  async listStrays(request: Page) {
    const entered = this.#enter();
    return entered.ok ? ok(listStrays(this.#engine.parts.sql, request)) : entered;
  }

  async listDeadLetters(request: Page) {
    const entered = this.#enter();
    return entered.ok ? ok(listDeadLetters(this.#engine.parts.sql, request)) : entered;
  }

  async counters(): Promise<Answer<Counters>> {
    const entered = this.#enter();
    return entered.ok ? ok(this.#engine.counters) : entered;
  }

  async projected(): Promise<Answer<{ offset: number }>> {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const { alignment } = this.#engine;
    // Who is paused by now is acknowledged before every lifetime has a record of it.
    if (alignment.unfinished) await alignment.finished(READ_BARRIER_MS_MAX);
    const offset = this.#engine.parts.log.tail - 1;
    if (!alignment.unfinished && (await this.#engine.projector.reaches(offset))) return ok({ offset });
    const still = this.#still(entered.value);
    if (!still.ok) return still;
    return reject("data_plane_behind", "the database is behind the log; try again", {
      retryAfterMs: OVERLOADED_MS,
    });
  }

  /** As if the alarm had rung: it may be lost although this object is at work. */
  wake(): Promise<void> {
    return this.alarm();
  }

  override async alarm(): Promise<void> {
    const { identity } = this.#engine;
    if (identity?.status === "ACTIVE") return this.#engine.alarm();
    if (identity?.status === "DELETING") return this.#remove(identity);
  }

  /** Everything that a request needs before it may do anything. */
  #enter(): Answer<Identity> {
    const { active, inbox } = this.#engine;
    if (active === undefined) return this.#gone();
    if (inbox.size >= INBOX_EVENTS_MAX)
      return reject("overloaded", "too much is waiting for this tenant; try again", {
        retryAfterMs: OVERLOADED_MS,
      });
    this.#engine.requests++;
    this.#engine.resume();
    return ok(active);
  }

  /** What somebody asks of a lifetime that has not ended; `done` says it in words. */
  async #happen(id: string, happening: Happening, done: string): Promise<Answer<LifetimeView>> {
    const happened = await this.#ask((turn) => ok(turn.happen(id, happening)));
    if (!happened.ok) return happened;
    const lifetime = await this.#lifetime(id, 0);
    if (happened.value || !lifetime.ok) return lifetime;
    return reject(
      "illegal_transition",
      `lifetime ${id} is ${lifetime.value.status}; it cannot be ${done} any more`,
    );
  }

  #view(identity: Identity): TenantView {
    return tenantView(identity, this.#engine.parts.holds.current);
  }

  readonly #shown = <View extends GraphView>(view: View): View => ({
    ...view,
    ...pausedOf(this.#engine.parts.holds.current, view.graph),
  });

  /** Whether the tenant is the one that a request came for: it may have gone, and come again, meanwhile. */
  #still({ generation }: Identity): Answer<Identity> {
    const { active } = this.#engine;
    return active?.generation === generation ? ok(active) : this.#gone();
  }

  #gone() {
    const { identity } = this.#engine;
    return identity?.status === "DELETING" ? deleting(identity) : missing();
  }

  /** What a turn answers, once it is durable. */
  async #ask<T>(take: (turn: Turn) => Answer<T>): Promise<Answer<T>> {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    try {
      return await this.#engine.inbox.ask(take);
    } catch (cause) {
      const still = this.#still(entered.value);
      if (!still.ok) return still;
      throw cause;
    }
  }

  async #lifetime(id: string, waitMs: number): Promise<Answer<LifetimeView>> {
    const { active } = this.#engine;
    if (active === undefined) return this.#gone();
    const { lifetimes, log, holds } = this.#engine.parts;
    let found = lifetimes.get(id);
    if (waitMs > 0 && found && "head" in found && found.head.ended === undefined) {
      await this.#engine.waiters.wait(id, waitMs);
      const still = this.#still(active);
      if (!still.ok) return still;
      found = lifetimes.get(id);
    }
    const view = found && viewOf(found, log, holds.current);
    return view ? ok(view) : reject("lifetime_not_found", `no lifetime ${id} in this tenant`);
  }

  /** To the end, unless something fails: the alarm is the promise that it goes on then. Never throws. */
  #remove(identity: Identity): Promise<void> {
    // Not awaited: whatever could come between would find this half begun.
    void this.ctx.storage.setAlarm(this.#ports.now() + REMOVAL_AGAIN_MS);
    const { tenant } = identity;
    this.#removing ??= this.#removeAll(identity)
      .catch((cause) =>
        console.error(JSON.stringify({ event: "removal_failed", tenant, detail: String(cause) })),
      )
      .finally(() => {
        this.#removing = undefined;
      });
    return this.#removing;
  }

  async #removeAll(identity: Identity): Promise<void> {
    while (await removeSlice(identity, this.#ports.projection, this.#ports.blobs));
    emptyTables(this.ctx.storage);
    this.#engine.identify({ ...identity, status: "DELETED" });
    this.#engine.reset();
    await this.ctx.storage.deleteAlarm();
  }
}

const trimmed = (firstOffset: number) =>
  reject(
    "offset_trimmed",
    `records below ${firstOffset} were trimmed; read on from there, and ask the database for what was before`,
    { firstOffset },
  );

const missing = () =>
  reject("tenant_not_found", "no such tenant; provision it with PUT /v1/tenants/{tenant}");

const deleting = ({ tenant }: Identity) =>
  reject("tenant_deleting", `tenant ${tenant} is being deleted; try again when it is gone`, {
    retryAfterMs: REMOVAL_AGAIN_MS,
  });
