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
  TenantSettings,
  TenantView,
} from "../../src/control-plane/tenant.ts";
import type { Happening, Turn } from "../../src/control-plane/turn.ts";
import { INBOX_EVENTS_MAX, READ_BARRIER_MS_MAX } from "../../src/limits.ts";
import type { Family } from "../../src/metrics/family.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { ExecutionTopic, Topic } from "../../src/topics/topics.ts";
import { Engine, type EnginePorts, LOG_GREW } from "./engine.ts";
import { type Identity, provisioned, tenantView } from "./identity.ts";
import { type LifetimeRemovalPort, removeOutside, removeRecords } from "./lifetime-removal.ts";
import { viewOf } from "./lifetime-view.ts";
import { pause, pausedOf, resume } from "./pausing.ts";
import { behind, deleting, noLifetime, noTenant, overloaded, trimmed } from "./refusals.ts";
import { type Registration, registerGraph, type StatusChange, setGraphStatus } from "./registration.ts";
import { Removal, type RemovalPort } from "./removal.ts";
import { retryLifetime } from "./retry.ts";
import { listDeadLetters, listStrays } from "./set-aside.ts";
import { signalLifetime } from "./signal.ts";
import { startLifetime } from "./start.ts";
import { readResult, readTopic } from "./topic-reader.ts";
import { whyOf } from "./why.ts";

export interface Ports extends EnginePorts {
  readonly projection: EnginePorts["projection"] & RemovalPort & LifetimeRemovalPort & ProvisionPort;
  readonly blobs: R2Bucket;
}

export interface ProvisionPort {
  /** Lists the tenant; an older generation changes nothing. */
  provision(identity: { tenant: string; generation: number; createdAt: number }): Promise<void>;
}

type Page = { after: number; limit: number };

export class TenantObject extends DurableObject<Env> implements TenantRpc {
  readonly #engine: Engine;
  readonly #ports: Ports;
  readonly #removal: Removal;

  constructor(ctx: DurableObjectState, env: Env, ports: Ports) {
    super(ctx, env);
    this.#ports = ports;
    this.#engine = new Engine(ctx.storage, ports);
    this.#removal = new Removal(ctx.storage, this.#engine, ports);
  }

  async provision(
    address: Address,
    settings: TenantSettings = {},
  ): Promise<Answer<TenantView & { created: boolean }>> {
    const known = this.#engine.identity;
    if (known?.status === "DELETING") return deleting(known.tenant);
    const created = known?.status !== "ACTIVE";
    const identity = provisioned(known, address, settings, this.#ports.now());
    if (created || settings.logRetentionMs !== undefined) this.#engine.identify(identity);
    await this.#ports.projection.provision(identity);
    return ok({ ...this.#view(identity), created });
  }

  async describe(): Promise<Answer<TenantView>> {
    const { identity } = this.#engine;
    return identity === undefined || identity.status === "DELETED" ? noTenant() : ok(this.#view(identity));
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
    if (identity === undefined || identity.status === "DELETED") return noTenant();
    const going: Identity = { ...identity, status: "DELETING" };
    this.#engine.identify(going);
    this.#engine.reset();
    await this.#removal.run(going);
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
    return this.#ask((turn) =>
      signalLifetime(turn, request, this.#ports.now(), () => this.#engine.room.mayArrive()),
    );
  }

  async retry(request: RetryRequest): Promise<Answer<StartAnswer>> {
    const retried = await this.#ask((turn) =>
      retryLifetime(turn, request, this.#ports.now(), () => this.#engine.room.mayStart()),
    );
    if (!retried.ok) return retried;
    const lifetime = await this.#lifetime(request.lifetime, 0);
    return lifetime.ok ? ok({ lifetime: lifetime.value, replayed: retried.value.replayed }) : lifetime;
  }

  async removeLifetime(id: string): Promise<Answer<void>> {
    const entered = this.#enter();
    if (!entered.ok) return entered;
    const { parts, projector } = this.#engine;
    const known = parts.lifetimes.get(id);
    if (known && !("head" in known) && !(await projector.reaches(known.ended))) return behind();
    const still = this.#still(entered.value);
    if (!still.ok) return still;
    // It may have been continued meanwhile.
    const found = parts.lifetimes.get(id);
    if (found && "head" in found)
      return reject("illegal_transition", `lifetime ${id} is ${found.head.status}; cancel it first`);
    if (found) for (const _ of removeRecords(this.ctx.storage, parts, found)) await this.ctx.storage.sync();
    const { projection, blobs } = this.#ports;
    const existed = await removeOutside(entered.value, id, projection, blobs);
    this.#engine.looked();
    return found || existed ? ok(undefined) : noLifetime(id);
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

  override async fetch(request: Request): Promise<Response> {
    const wanted = (await request.json()) as StreamRequest;
    const entered = this.#enter();
    const opened = entered.ok ? await this.#engine.streams.open(wanted) : entered;
    if (!opened.ok) return Response.json(opened.error, { status: 400 });
    return opened.value ? new Response(opened.value) : new Response(null, { status: 204 });
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
    return entered.ok ? ok(this.#engine.watch.counters) : entered;
  }

  /** Also while too much waits: then somebody will want to see it. */
  async metrics(): Promise<Answer<readonly Family[]>> {
    const { active, watch } = this.#engine;
    return active ? ok(watch.families(this.#ports.now())) : this.#gone();
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
    return still.ok ? behind() : still;
  }

  /** As if the alarm had rung: it may be lost although this object is at work. */
  async wake(): Promise<void> {
    const { identity } = this.#engine;
    // Only a tenant that D1 lists is woken: it was restored from before it was deleted.
    if (identity?.status === "DELETED") return this.#removal.run(identity);
    return this.alarm();
  }

  override async alarm(): Promise<void> {
    const { identity } = this.#engine;
    if (identity?.status === "ACTIVE") return this.#engine.alarm();
    if (identity?.status === "DELETING") return this.#removal.run(identity);
  }

  /** Everything that a request needs before it may do anything. */
  #enter(): Answer<Identity> {
    const { active, inbox } = this.#engine;
    if (active === undefined) return this.#gone();
    if (inbox.size >= INBOX_EVENTS_MAX) return overloaded();
    this.#engine.watch.requests++;
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
    return identity?.status === "DELETING" ? deleting(identity.tenant) : noTenant();
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
    return view ? ok(view) : noLifetime(id);
  }
}
