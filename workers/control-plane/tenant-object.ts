/**
 * The object of one tenant and partition, as RPC sees it: each method checks who it is for, asks the engine,
 * and answers; what is asked of graphs and of lifetimes is beside it. Everything private is `#private`, because
 * RPC can call any other method.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  Address,
  Answer,
  ApprovalRequest,
  Counters,
  GraphView,
  RetryRequest,
  SignalRequest,
  StartRequest,
  StreamRequest,
  TenantRpc,
  TenantSettings,
  TenantView,
} from "../../src/control-plane/tenant.ts";
import type { PolicyDocument } from "../../src/guardrails/document.ts";
import { READ_BARRIER_MS_MAX } from "../../src/limits.ts";
import type { Family } from "../../src/metrics/family.ts";
import type { TopicsChoice } from "../../src/mirror/state.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import type { ExecutionTopic, Topic } from "../../src/topics/topics.ts";
import { type BacktestRequest, backtest } from "./backtest.ts";
import { BudgetRequests } from "./budget-requests.ts";
import { Engine, type EnginePorts, LOG_GREW } from "./engine.ts";
import { Entrance } from "./entrance.ts";
import { GraphRequests } from "./graph-requests.ts";
import { type Identity, provisioned, tenantView } from "./identity.ts";
import { type LifetimePorts, LifetimeRequests } from "./lifetime-requests.ts";
import { pause, resume } from "./pausing.ts";
import { PolicyRequests } from "./policy-requests.ts";
import { behind, deleting, noTenant, trimmed } from "./refusals.ts";
import type { Registration, StatusChange } from "./registration.ts";
import { Removal, type RemovalPort } from "./removal.ts";
import { listDeadLetters, listStrays } from "./set-aside.ts";
import { readResult, readTopic } from "./topic-reader.ts";
import { claimTopics, going, withoutTopics } from "./topic-removal.ts";

export interface Ports extends EnginePorts {
  readonly projection: EnginePorts["projection"] & RemovalPort & LifetimePorts["projection"] & ProvisionPort;
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
  readonly #entrance: Entrance;
  readonly #graphs: GraphRequests;
  readonly #budgets: BudgetRequests;
  readonly #policies: PolicyRequests;
  readonly #lifetimes: LifetimeRequests;

  constructor(ctx: DurableObjectState, env: Env, ports: Ports) {
    super(ctx, env);
    this.#ports = ports;
    this.#engine = new Engine(ctx, ports);
    this.#removal = new Removal(ctx.storage, this.#engine, ports);
    this.#entrance = new Entrance(this.#engine);
    this.#graphs = new GraphRequests(this.#engine, this.#entrance);
    this.#budgets = new BudgetRequests(this.#engine, this.#entrance, ports.now);
    this.#policies = new PolicyRequests(this.#engine, this.#entrance);
    this.#lifetimes = new LifetimeRequests(ctx.storage, this.#engine, this.#entrance, ports);
  }

  async provision(
    address: Address,
    settings: TenantSettings = {},
  ): Promise<Answer<TenantView & { created: boolean }>> {
    const known = this.#engine.identity;
    if (known?.status === "DELETING") return deleting(known.tenant);
    const created = known?.status !== "ACTIVE";
    const identity = provisioned(known, address, settings, this.#ports.now());
    if (created || Object.keys(settings).length > 0) this.#engine.identify(identity);
    await this.#ports.projection.provision(identity);
    return ok({ ...this.#view(identity), created });
  }

  async describe(): Promise<Answer<TenantView>> {
    const { identity } = this.#engine;
    return identity === undefined || identity.status === "DELETED" ? noTenant() : ok(this.#view(identity));
  }

  async pauseTenant(detail: string, by?: string): Promise<Answer<TenantView>> {
    const paused = await this.#entrance.ask((turn) => ok(pause(turn, undefined, detail, by)));
    return paused.ok ? this.describe() : paused;
  }

  async resumeTenant(by?: string): Promise<Answer<TenantView>> {
    const resumed = await this.#entrance.ask((turn) => ok(resume(turn, undefined, by)));
    return resumed.ok ? this.describe() : resumed;
  }

  async remove(topics?: TopicsChoice): Promise<Answer<TenantView>> {
    const { identity } = this.#engine;
    if (identity === undefined || identity.status === "DELETED") return noTenant();
    const gone = going(identity, topics, this.#ports.now());
    if (!gone.ok) return gone;
    this.#engine.identify(gone.value);
    this.#engine.reset();
    await this.#removal.run();
    return ok(this.#view(gone.value));
  }

  async claimTopics(bridge: string) {
    const claimed = claimTopics(this.#engine.identity, bridge, this.#ports.now());
    if (!claimed.ok) return claimed;
    this.#engine.identify(claimed.value.claimed);
    return ok(claimed.value.claim);
  }

  async topicsDeleted(bridge: string): Promise<Answer<void>> {
    const without = withoutTopics(this.#engine.identity, bridge);
    if (!without.ok) return without;
    this.#engine.identify(without.value);
    await this.#removal.run();
    return ok(undefined);
  }

  async putBudget(budget: Parameters<BudgetRequests["put"]>[0]) {
    return this.#budgets.put(budget);
  }

  async getBudget(name: string) {
    return this.#budgets.get(name);
  }

  async listBudgets() {
    return this.#budgets.list();
  }

  async removeBudget(name: string) {
    return this.#budgets.remove(name);
  }

  async registerGraph(request: Registration): Promise<Answer<GraphView & { created: boolean }>> {
    return this.#graphs.register(request);
  }

  async listGraphs({ after, limit }: { after: string; limit: number }) {
    return this.#graphs.list(after, limit);
  }

  async listVersions(graph: string) {
    return this.#graphs.versions(graph);
  }

  async getGraph(graph: string, version?: number) {
    return this.#graphs.detail(graph, version);
  }

  async setGraphStatus(change: StatusChange) {
    return this.#graphs.setStatus(change);
  }

  async pauseGraph(graph: string, detail: string, by?: string) {
    return this.#graphs.pause(graph, detail, by);
  }

  async resumeGraph(graph: string, by?: string) {
    return this.#graphs.resume(graph, by);
  }

  async putPolicy(document: PolicyDocument) {
    return this.#policies.put(document);
  }

  async getPolicy(name: string) {
    return this.#policies.get(name);
  }

  async listPolicies({ after, limit }: { after: string; limit: number }) {
    return this.#policies.list(after, limit);
  }

  async removePolicy(name: string) {
    return this.#policies.remove(name);
  }

  async start(request: StartRequest) {
    return this.#lifetimes.start(request);
  }

  async getLifetime(id: string, waitMs: number) {
    return this.#lifetimes.get(id, waitMs);
  }

  async cancel(id: string, detail: string) {
    return this.#lifetimes.happen(id, { type: "cancel_requested", detail }, "canceled");
  }

  async pauseLifetime(id: string, detail: string, by?: string) {
    return this.#lifetimes.happen(
      id,
      { type: "pause_requested", detail, ...(by !== undefined && { by }) },
      "paused",
    );
  }

  async resumeLifetime(id: string) {
    return this.#lifetimes.happen(id, { type: "resume_requested" }, "resumed");
  }

  async signal(request: SignalRequest) {
    return this.#lifetimes.signal(request);
  }

  async answerApproval(request: ApprovalRequest) {
    return this.#lifetimes.answerApproval(request);
  }

  async retry(request: RetryRequest) {
    return this.#lifetimes.retry(request);
  }

  async removeLifetime(id: string) {
    return this.#lifetimes.remove(id);
  }

  async getResult(offset: number): Promise<Answer<Uint8Array>> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const result = readResult(this.#engine.parts.log, offset);
    return result ? ok(result) : reject("execution_not_found", `no result at ${offset}`);
  }

  async produce(topic: ExecutionTopic, message: Uint8Array) {
    return this.#entrance.ask((turn) => {
      const may = this.#engine.room.mayArrive();
      return may.ok ? ok(turn.arrive(topic, message)) : may;
    });
  }

  async readTopic(request: { topic: Topic; offset: number; limit: number; waitMs: number }) {
    const entered = this.#entrance.enter();
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
      const still = this.#entrance.still(entered.value);
      if (!still.ok) return still;
    }
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    // It may have slept.
    this.#engine.resume();
    this.#engine.mirror.message(socket, typeof message === "string" ? message : new Uint8Array(message));
  }

  override async webSocketClose(socket: WebSocket): Promise<void> {
    this.#engine.mirror.closed(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#engine.mirror.closed(socket);
  }

  override async fetch(request: Request): Promise<Response> {
    if (request.headers.get("upgrade") === "websocket") return this.#bridge();
    const wanted = (await request.json()) as StreamRequest | BacktestRequest;
    const entered = this.#entrance.enter();
    const opened = entered.ok ? await this.#opened(wanted, entered.value) : entered;
    if (!opened.ok) return Response.json(opened.error, { status: 400 });
    return opened.value ? new Response(opened.value) : new Response(null, { status: 204 });
  }

  async #opened(wanted: StreamRequest | BacktestRequest, { tenant }: Identity) {
    if (!("backtest" in wanted)) return this.#engine.streams.open(wanted);
    return ok(backtest(this.#engine.parts, tenant, wanted.backtest));
  }

  #bridge(): Response {
    const entered = this.#entrance.enter();
    return entered.ok ? this.#engine.mirror.open() : Response.json(entered.error, { status: 400 });
  }

  async mirror() {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(this.#engine.mirror.state) : entered;
  }

  async openElsewhere() {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(this.#engine.parts.elsewhere.open()) : entered;
  }

  async renewPartition(topic: Topic, partition: number) {
    const entered = this.#entrance.enter();
    return entered.ok ? this.#engine.mirror.renew(topic, partition) : entered;
  }

  async listStrays(request: Page) {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(listStrays(this.#engine.parts.sql, request)) : entered;
  }

  async listDeadLetters(request: Page) {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(listDeadLetters(this.#engine.parts.sql, request)) : entered;
  }

  async counters(): Promise<Answer<Counters>> {
    const entered = this.#entrance.enter();
    return entered.ok ? ok(this.#engine.watch.counters) : entered;
  }

  /** Also while too much waits: then somebody will want to see it. */
  async metrics(): Promise<Answer<readonly Family[]>> {
    const { active, watch } = this.#engine;
    return active ? ok(watch.families(this.#ports.now())) : this.#entrance.gone();
  }

  async projected(): Promise<Answer<{ offset: number; generation: number }>> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const { alignment } = this.#engine;
    // Who is paused by now is acknowledged before every lifetime has a record of it.
    if (alignment.unfinished) await alignment.finished(READ_BARRIER_MS_MAX);
    const offset = this.#engine.parts.log.tail - 1;
    const { generation } = entered.value;
    if (!alignment.unfinished && (await this.#engine.projector.reaches(offset)))
      return ok({ offset, generation });
    const still = this.#entrance.still(entered.value);
    return still.ok ? behind() : still;
  }

  /** As if the alarm had rung: it may be lost although this object is at work. */
  async wake(): Promise<void> {
    const { identity } = this.#engine;
    // Only a tenant that D1 lists is woken: it was restored from before it was deleted.
    if (identity?.status === "DELETED") return this.#removal.run();
    return this.alarm();
  }

  override async alarm(): Promise<void> {
    const { identity } = this.#engine;
    if (identity?.status === "ACTIVE") return this.#engine.alarm();
    if (identity?.status === "DELETING") return this.#removal.run();
  }

  #view(identity: Identity): TenantView {
    return tenantView(identity, this.#engine.parts.holds.current);
  }
}
