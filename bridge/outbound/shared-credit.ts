/**
 * What all objects together may send ahead to one process, for its memory's sake. Never more than `bytesMax` is given
 * and not yet in Kafka, however many send. Most of it is given before anybody asks; the rest is kept for those that say
 * that their next batch takes more than they have, in the order in which they said so.
 *
 * 1. What is given beforehand leaves `neededBytes` free, so that who keeps it unused holds up nobody that asks.
 * 2. What was asked for is used at once, and comes back with the transaction: whoever asks gets it, sooner or later.
 */

const MIB = 1024 * 1024;

export interface CreditLimits {
  readonly bytesMax: number;
  /** The most that anybody may ask for at a time. */
  readonly neededBytes: number;
  /** Of one, beforehand: a transaction and the one after it. */
  readonly eachBytesMax: number;
}

/** In memory each byte is there some three times while it is written; an object asks for a frame at the most. */
const LIMITS: CreditLimits = { bytesMax: 32 * MIB, neededBytes: 4 * MIB, eachBytesMax: 4 * MIB };

/** Of one that sends. */
export interface Share {
  /** It lacks so many for its next batch. */
  need(bytes: number): void;
  /** They have come. Throws where more came than was given. */
  took(bytes: number): void;
  /** They are in Kafka. */
  wrote(bytes: number): void;
  leave(): void;
}

interface Holder {
  readonly give: (bytes: number) => void;
  /** To send, or sent and not in Kafka; and the latter alone. */
  given: number;
  sent: number;
  needs: number;
}

export class SharedCredit {
  readonly #limits: CreditLimits;
  readonly #holders = new Set<Holder>();
  /** In the order in which they asked. */
  readonly #needing = new Set<Holder>();
  #given = 0;

  constructor(limits: CreditLimits = LIMITS) {
    this.#limits = limits;
  }

  /** `give` is told what may be sent, some of it at once. */
  enter(give: (bytes: number) => void): Share {
    const holder: Holder = { give, given: 0, sent: 0, needs: 0 };
    this.#holders.add(holder);
    this.#giveBeforehand(holder);
    return {
      need: (bytes) => this.#need(holder, bytes),
      took: (bytes) => {
        holder.sent += bytes;
        if (holder.sent > holder.given)
          throw new Error("the object has sent more than it was given credit for");
      },
      wrote: (bytes) => this.#wrote(holder, bytes),
      leave: () => this.#leave(holder),
    };
  }

  #need(holder: Holder, bytes: number): void {
    const { neededBytes } = this.#limits;
    if (bytes > neededBytes)
      throw new Error(`the object asks for ${bytes} bytes; the bound is ${neededBytes}`);
    holder.needs = bytes;
    this.#needing.add(holder);
    this.#serve();
  }

  #wrote(holder: Holder, bytes: number): void {
    holder.sent -= bytes;
    holder.given -= bytes;
    this.#given -= bytes;
    this.#serve();
    this.#giveBeforehand(holder);
  }

  #leave(holder: Holder): void {
    this.#holders.delete(holder);
    this.#needing.delete(holder);
    this.#given -= holder.given;
    this.#serve();
  }

  get #share(): number {
    const { bytesMax, neededBytes, eachBytesMax } = this.#limits;
    return Math.min(eachBytesMax, Math.floor((bytesMax - neededBytes) / this.#holders.size));
  }

  /** Who has more than its share by now gives back by not being given more. */
  #giveBeforehand(holder: Holder): void {
    const { bytesMax, neededBytes } = this.#limits;
    const bytes = Math.min(this.#share - holder.given, bytesMax - neededBytes - this.#given);
    if (bytes > 0) this.#give(holder, bytes);
  }

  #serve(): void {
    for (const holder of this.#needing) {
      // It waits for its own transactions before it keeps others waiting.
      if (holder.sent > 0 && holder.given + holder.needs > this.#share) continue;
      if (this.#given + holder.needs > this.#limits.bytesMax) return;
      this.#needing.delete(holder);
      this.#give(holder, holder.needs);
    }
  }

  #give(holder: Holder, bytes: number): void {
    holder.given += bytes;
    this.#given += bytes;
    holder.give(bytes);
  }
}
