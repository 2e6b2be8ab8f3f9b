/**
 * What stands before every request of the tenant object: that the tenant is there, that there is room for the
 * request, and that the tenant is still the same one when the answer is.
 */
import type { Answer } from "../../src/control-plane/tenant.ts";
import type { Turn } from "../../src/control-plane/turn.ts";
import { INBOX_EVENTS_MAX } from "../../src/limits.ts";
import { ok } from "../../src/result.ts";
import type { Engine } from "./engine.ts";
import type { Identity } from "./identity.ts";
import { deleting, noTenant, overloaded } from "./refusals.ts";

export class Entrance {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Everything that a request needs before it may do anything. */
  enter(): Answer<Identity> {
    const { active, inbox, watch } = this.#engine;
    if (active === undefined) return this.gone();
    if (inbox.size >= INBOX_EVENTS_MAX) return overloaded();
    watch.requests++;
    this.#engine.resume();
    return ok(active);
  }

  /** What a turn answers, once it is durable. */
  async ask<T>(take: (turn: Turn) => Answer<T>): Promise<Answer<T>> {
    const entered = this.enter();
    if (!entered.ok) return entered;
    try {
      return await this.#engine.inbox.ask(take);
    } catch (cause) {
      const still = this.still(entered.value);
      if (!still.ok) return still;
      throw cause;
    }
  }

  /** Whether the tenant is the one that a request came for: it may have gone, and come again, meanwhile. */
  still({ generation }: Identity): Answer<Identity> {
    const { active } = this.#engine;
    return active?.generation === generation ? ok(active) : this.gone();
  }

  gone() {
    const { identity } = this.#engine;
    return identity?.status === "DELETING" ? deleting(identity.tenant) : noTenant();
  }
}
