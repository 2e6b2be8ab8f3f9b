// Without this a bridge of many tenants could run out of memory, or leave some of them waiting for ever.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Share, SharedCredit } from "../../../bridge/outbound/shared-credit.ts";

const LIMITS = { bytesMax: 100, neededBytes: 20, eachBytesMax: 30 };

/** A tenant: what its object sends and asks for, on a connection that is slow both ways, and what Kafka has of it. */
class Tenant {
  readonly #credit: SharedCredit;
  readonly #batches: number[];
  #share: Share | undefined;
  /** At the object; and on the way to it and from it. */
  #left = 0;
  #asked = false;
  readonly #given: number[] = [];
  readonly #sent: (() => void)[] = [];
  /** At the bridge. */
  readonly #queue: number[] = [];
  written = 0;

  constructor(credit: SharedCredit, batches: readonly number[]) {
    this.#credit = credit;
    this.#batches = [...batches];
  }

  get held(): number {
    return this.#queue.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** One thing that can happen now, by number; whether it did. */
  readonly steps = [
    () => {
      if (this.#share || this.#batches.length === 0) return false;
      this.#share = this.#credit.enter((bytes) => this.#given.push(bytes));
      return true;
    },
    () => {
      const bytes = this.#given.shift();
      this.#left += bytes ?? 0;
      return bytes !== undefined;
    },
    () => this.#send(),
    () => {
      const come = this.#sent.shift();
      come?.();
      return come !== undefined;
    },
    () => {
      const bytes = this.#queue.shift();
      if (bytes === undefined) return false;
      this.written++;
      this.#share?.wrote(bytes);
      return true;
    },
  ];

  /** What was on the way is sent anew by the next grant. */
  readonly fail = () => {
    this.#share?.leave();
    this.#share = undefined;
    this.#batches.unshift(...this.#queue.splice(0));
    this.#given.length = 0;
    this.#sent.length = 0;
    this.#batches.unshift(...this.#lost.splice(0));
    this.#left = 0;
    this.#asked = false;
    return true;
  };

  /** Sent and not come. */
  readonly #lost: number[] = [];

  #send(): boolean {
    const [bytes] = this.#batches;
    if (this.#share === undefined || bytes === undefined) return false;
    if (bytes <= this.#left) {
      this.#batches.shift();
      this.#left -= bytes;
      this.#asked = false;
      this.#lost.push(bytes);
      this.#sent.push(() => {
        this.#lost.shift();
        this.#share?.took(bytes);
        this.#queue.push(bytes);
      });
      return true;
    }
    if (this.#asked) return false;
    this.#asked = true;
    const lacks = bytes - this.#left;
    this.#sent.push(() => this.#share?.need(lacks));
    return true;
  }
}

const sizes = fc.array(fc.integer({ min: 1, max: LIMITS.neededBytes }), { maxLength: 12 });

test("whatever happens in whatever order, memory is bounded, and everything of everybody is written", () => {
  const happening = fc.record({ tenant: fc.nat(30), step: fc.nat(5) });
  fc.assert(
    fc.property(
      fc.array(sizes, { minLength: 1, maxLength: 30 }),
      fc.array(happening, { maxLength: 400 }),
      (all, happenings) => {
        const credit = new SharedCredit(LIMITS);
        const tenants = all.map((batches) => new Tenant(credit, batches));
        const isBounded = () =>
          expect(tenants.reduce((sum, { held }) => sum + held, 0)).toBeLessThanOrEqual(LIMITS.bytesMax);
        for (const { tenant: n, step } of happenings) {
          const tenant = tenants[n % tenants.length];
          (tenant?.steps[step] ?? tenant?.fail)?.();
          isBounded();
        }
        // Those that have sent everything stay, with what they were given.
        while (tenants.map(({ steps }) => steps.some((step) => step())).some(Boolean)) isBounded();
        for (const [n, { written }] of tenants.entries())
          expect(written).toBeGreaterThanOrEqual(all[n]?.length ?? 0);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("one alone has a transaction ahead of the one under way, and many have it in turn", () => {
  const given: number[] = [];
  const credit = new SharedCredit(LIMITS);
  const shares = Array.from({ length: 10 }, (_, n) => credit.enter((bytes) => given.push(n, bytes)));
  // All that is given beforehand is given by then.
  expect(given).toEqual([0, 30, 1, 30, 2, 20]);
  for (const share of shares.slice(3)) share.need(15);
  expect(given.slice(6)).toEqual([3, 15]);
  shares[3]?.took(15);
  shares[3]?.wrote(15);
  expect(given.slice(8)).toEqual([4, 15]);
  // What had more than its share goes to who waits.
  shares[0]?.took(30);
  shares[0]?.wrote(30);
  expect(given.slice(10)).toEqual([5, 15, 6, 15]);
});

test("an object that sends or asks for more than it may is told so", () => {
  const share = new SharedCredit(LIMITS).enter(() => {});
  expect(() => share.took(LIMITS.eachBytesMax + 1)).toThrow("more than it was given");
  expect(() => share.need(LIMITS.neededBytes + 1)).toThrow("the bound is 20");
});
