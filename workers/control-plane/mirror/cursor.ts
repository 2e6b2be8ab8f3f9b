/**
 * How far Kafka has the log: what is after that is not trimmed, save where the storage was nearly full and the tenant
 * would rather go on. Says nothing to any bridge.
 */
import type { MirrorSettings } from "../../../src/mirror/settings.ts";
import type { MirrorGap } from "../../../src/mirror/state.ts";
import type { Engine } from "../engine.ts";
import { GapMark } from "./gap.ts";

export interface CursorPorts {
  settings(): MirrorSettings;
  now(): number;
}

const NAME = "kafka";

export class Cursor {
  readonly #engine: Engine;
  readonly #ports: CursorPorts;
  readonly #gap: GapMark;

  constructor(engine: Engine, ports: CursorPorts) {
    this.#engine = engine;
    this.#ports = ports;
    this.#gap = new GapMark(engine.parts.sql);
  }

  /** Nothing up to here is kept for Kafka. */
  get acknowledged(): number {
    return this.#engine.room.mirrors.get(NAME);
  }

  /** What Kafka has to have at least. */
  get least(): number {
    return this.#gap.least(this.acknowledged);
  }

  /** From now on nothing is trimmed that Kafka does not have. */
  begin(): void {
    if (this.#goesOut()) this.#move(0);
  }

  /** What goes nowhere keeps nothing from being trimmed. Once it goes somewhere, what comes from then on is kept. */
  configured(isLeased: boolean): void {
    const { room } = this.#engine;
    if (!this.#goesOut()) room.mirrors.delete(NAME);
    else if (isLeased && !room.mirrors.has(NAME)) this.#skip(0, this.#last);
  }

  /** Inside the transaction: Kafka has everything up to here. */
  passed(through: number): void {
    if (this.#goesOut()) this.#move(through);
    this.#gap.passed(through);
  }

  /** What Kafka lacks by now, of which nothing may be trimmed. */
  get lacking(): { readonly from: number; readonly to: number } | undefined {
    const [had, to] = [this.acknowledged, this.#last];
    return had < to ? { from: had + 1, to } : undefined;
  }

  /** Kafka is not waited for any longer, up to here. */
  letGo(to: number): void {
    if (this.acknowledged < to) this.#skip(this.acknowledged, to);
  }

  get gap(): MirrorGap | undefined {
    return this.#gap.last;
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#gap.reset();
  }

  get #last(): number {
    return this.#engine.parts.log.tail - 1;
  }

  #goesOut(): boolean {
    return this.#ports.settings().out.length > 0;
  }

  #move(to: number): void {
    this.#engine.room.mirrors.set(NAME, to, this.#ports.now());
  }

  #skip(after: number, to: number): void {
    this.#engine.commit(() => {
      this.#gap.open(after, to);
      this.#move(to);
      return () => {};
    });
  }
}
