/** What is asked of the lifetimes of a tenant: each request goes through a turn, and is answered by a view. */
import type {
  Answer,
  ApprovalAnswer,
  ApprovalRequest,
  LifetimeView,
  RetryRequest,
  SignalAnswer,
  SignalRequest,
  StartAnswer,
  StartRequest,
} from "../../src/control-plane/tenant.ts";
import type { Happening } from "../../src/control-plane/turn.ts";
import { reject } from "../../src/rejection.ts";
import { ok } from "../../src/result.ts";
import { answerApproval } from "./approval.ts";
import type { Engine } from "./engine.ts";
import type { Entrance } from "./entrance.ts";
import { type LifetimeRemovalPort, removeOutside, removeRecords } from "./lifetime-removal.ts";
import { viewOf } from "./lifetime-view.ts";
import { behind, forgotten, noLifetime, unmirrored } from "./refusals.ts";
import { retryLifetime } from "./retry.ts";
import { signalLifetime } from "./signal.ts";
import { startLifetime } from "./start.ts";
import { whyOf } from "./why.ts";

export interface LifetimePorts {
  readonly projection: LifetimeRemovalPort;
  readonly blobs: R2Bucket;
  readonly now: () => number;
}

export class LifetimeRequests {
  readonly #storage: DurableObjectStorage;
  readonly #engine: Engine;
  readonly #entrance: Entrance;
  readonly #ports: LifetimePorts;

  constructor(storage: DurableObjectStorage, engine: Engine, entrance: Entrance, ports: LifetimePorts) {
    this.#storage = storage;
    this.#engine = engine;
    this.#entrance = entrance;
    this.#ports = ports;
  }

  async start(request: StartRequest): Promise<Answer<StartAnswer>> {
    const { graphs } = this.#engine.parts;
    const started = await this.#entrance.ask((turn) =>
      startLifetime(turn, request, graphs, this.#ports.now(), () => this.#engine.room.mayStart()),
    );
    if (!started.ok) return started;
    const { lifetime, replayed } = started.value;
    return this.#answer(lifetime, replayed, request.waitMs);
  }

  async get(id: string, waitMs: number): Promise<Answer<LifetimeView>> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const lifetime = await this.#viewOf(id, waitMs);
    const why = whyOf(id, this.#engine.parts, this.#engine.dispatcher);
    return lifetime.ok && why ? ok({ ...lifetime.value, why }) : lifetime;
  }

  /** What somebody asks of a lifetime that has not ended; `done` says it in words. */
  async happen(id: string, happening: Happening, done: string): Promise<Answer<LifetimeView>> {
    const happened = await this.#entrance.ask((turn) => ok(turn.happen(id, happening)));
    if (!happened.ok) return happened;
    const lifetime = await this.#viewOf(id, 0);
    if (happened.value || !lifetime.ok) return lifetime;
    return reject(
      "illegal_transition",
      `lifetime ${id} is ${lifetime.value.status}; it cannot be ${done} any more`,
    );
  }

  signal(request: SignalRequest): Promise<Answer<SignalAnswer>> {
    return this.#entrance.ask((turn) => signalLifetime(turn, request, () => this.#engine.room.mayArrive()));
  }

  answerApproval(request: ApprovalRequest): Promise<Answer<ApprovalAnswer>> {
    return this.#entrance.ask((turn) =>
      answerApproval(turn, request, this.#engine.parts, this.#ports.now(), () =>
        this.#engine.room.mayArrive(),
      ),
    );
  }

  async retry(request: RetryRequest): Promise<Answer<StartAnswer>> {
    const retried = await this.#entrance.ask((turn) =>
      retryLifetime(turn, request, this.#ports.now(), () => this.#engine.room.mayStart()),
    );
    if (!retried.ok) return retried;
    return this.#answer(request.lifetime, retried.value.replayed, 0);
  }

  async remove(id: string): Promise<Answer<void>> {
    const entered = this.#entrance.enter();
    if (!entered.ok) return entered;
    const { parts, projector, room } = this.#engine;
    const known = parts.lifetimes.get(id);
    if (known && !("head" in known) && !(await projector.reaches(known.ended))) return behind();
    const still = this.#entrance.still(entered.value);
    if (!still.ok) return still;
    // It may have been continued meanwhile.
    const found = parts.lifetimes.get(id);
    if (found && "head" in found)
      return reject("illegal_transition", `lifetime ${id} is ${found.head.status}; cancel it first`);
    if (found && found.ended > room.mirrors.lowest()) return unmirrored(id);
    if (found)
      for (const _ of removeRecords(this.#storage, parts, found)) {
        await this.#storage.sync();
        const going = this.#entrance.still(entered.value);
        if (!going.ok) return going;
      }
    const { projection, blobs } = this.#ports;
    const existed = await removeOutside(entered.value, id, projection, blobs);
    this.#engine.looked();
    return found || existed ? ok(undefined) : noLifetime(id);
  }

  /** An earlier request may have been for what was trimmed since. */
  async #answer(id: string, replayed: boolean, waitMs: number): Promise<Answer<StartAnswer>> {
    const view = await this.#viewOf(id, waitMs);
    if (view.ok) return ok({ lifetime: view.value, replayed });
    return replayed && view.error.code === "lifetime_not_found" ? forgotten(id) : view;
  }

  async #viewOf(id: string, waitMs: number): Promise<Answer<LifetimeView>> {
    const { active, waiters } = this.#engine;
    if (active === undefined) return this.#entrance.gone();
    const { lifetimes, log, holds, budgets } = this.#engine.parts;
    let found = lifetimes.get(id);
    if (waitMs > 0 && found && "head" in found && found.head.ended === undefined) {
      await waiters.wait(id, waitMs);
      const still = this.#entrance.still(active);
      if (!still.ok) return still;
      found = lifetimes.get(id);
    }
    const view = found && viewOf(found, log, holds.current, budgets.current?.budgets);
    return view ? ok(view) : noLifetime(id);
  }
}
