/** Without this what a budget stops could go on too early, never go on, or be charged for what it did not use. */
import { describe, expect, it } from "vitest";
import type { Lifetime } from "../../../src/control-plane/lifetime.ts";
import { BUDGET_LOOK_MS, BUDGET_LOOK_MS_MAX, LEASE_MARGIN_MS } from "../../../src/limits.ts";
import { graphOf, TIMEOUT_MS } from "../../fixtures/graphs.ts";
import { START } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";
import { type Open, Tenant } from "./tenant.ts";

const HOUR = 3_600_000;

const estimate = { tokens: 10 };
const free = { kind: "parallel", estimate: { tokens: 0 } };

/** A plan that is decided at once, and two tasks of 10 tokens each. */
const PAIR = graphOf("A -> x y", { A: free, x: { estimate }, y: { estimate } });
const ONE = graphOf("A -> x", { A: free, x: { estimate } });

const head = (tenant: Tenant, id: string): Lifetime["head"] => {
  const found = tenant.store.lifetime(id);
  if (found === undefined || !("head" in found)) throw new Error(`${id} has ended`);
  return found.head;
};

const issued = (tenant: Tenant) => tenant.open().map(([id, , { node }]) => `${id} ${node}`);
const spent = (tenant: Tenant) =>
  [...(tenant.ledger?.balances.entries() ?? [])].map(([, each]) => each.spent.tokens ?? 0);
const answer = (tenant: Tenant, tokens: number) =>
  tenant.arrive(tenant.open()[0] as Open, tokens, undefined, 0);
const statuses = (tenant: Tenant) =>
  tenant.store.log.flatMap((record) =>
    record.type === "lifetime_ended" ? [record.reason?.code ?? record.status] : [],
  );

describe("over budget", () => {
  it("a wave is refused as a whole", () => {
    const tenant = new Tenant(PAIR);
    tenant.set({ limits: { tokens: 19 } });
    tenant.start();
    expect(issued(tenant)).toEqual([]);
    expect(statuses(tenant)).toEqual(["node_failed"]);
  });

  it("a lifetime is paused until its window turns, and not before", () => {
    const tenant = new Tenant(ONE);
    tenant.set({ limits: { tokens: 10 }, window: "hour", over: "pause" });
    tenant.start();
    answer(tenant, 10);
    const id = tenant.start();
    expect(head(tenant, id)).toMatchObject({ status: "PAUSED", holds: [{ scope: "budget" }] });
    const turn = (Math.floor(START / HOUR) + 1) * HOUR;
    expect(head(tenant, id).due).toBeLessThanOrEqual(turn);
    tenant.pass(turn - tenant.at - 1);
    expect(issued(tenant)).toEqual([]);
    tenant.pass(1);
    expect(issued(tenant)).toEqual([`${id} x`]);
    expect(head(tenant, id).status).toBe("RUNNING");
  });

  it("a lifetime that others leave no room looks again, and goes on when they have used less", () => {
    const tenant = new Tenant(ONE);
    tenant.set({ limits: { tokens: 15 }, over: "pause" });
    tenant.start();
    const id = tenant.start();
    expect(head(tenant, id).due).toBeLessThanOrEqual(tenant.at + BUDGET_LOOK_MS);
    tenant.pass(BUDGET_LOOK_MS);
    expect(head(tenant, id).status).toBe("PAUSED");
    answer(tenant, 5);
    tenant.pass(BUDGET_LOOK_MS);
    expect(issued(tenant)).toEqual([`${id} x`]);
  });

  it("a lifetime that waits long looks ever less often, and policies say nothing of it until it goes on", () => {
    const tenant = new Tenant(graphOf("A -> x", { A: free, x: { estimate, timeoutMs: 1_000 * HOUR } }));
    tenant.store.guarded = policies("name: w\non: [task_input]\nwhen: 'true'\naction: WARN\nmessage: seen\n");
    tenant.set({ limits: { tokens: 15 }, over: "pause" });
    tenant.start();
    const id = tenant.start();
    const verdicts = () => tenant.store.log.filter(({ type }) => type === "verdict").length;
    expect(verdicts()).toBe(2);
    const before = tenant.store.log.length;
    const end = tenant.at + 24 * HOUR;
    let looks = 0;
    for (; head(tenant, id).due < end; looks++) {
      expect(head(tenant, id).due - tenant.at).toBeLessThanOrEqual(BUDGET_LOOK_MS_MAX);
      tenant.pass(head(tenant, id).due - tenant.at);
    }
    expect(looks).toBeLessThan(200);
    expect(tenant.store.log).toHaveLength(before);
    answer(tenant, 5);
    tenant.pass(BUDGET_LOOK_MS_MAX);
    expect(issued(tenant)).toEqual([`${id} x`]);
    expect(verdicts()).toBe(3);
  });

  it("a lifetime that asks for more than a limit is told so, and looks for nothing until budgets change", () => {
    const tenant = new Tenant(ONE);
    tenant.set({ limits: { tokens: 9 }, window: "hour", over: "pause" });
    const id = tenant.start();
    const [hold] = head(tenant, id).holds ?? [];
    expect(hold?.detail).toMatch(/the limit of budget b is too low: 10 tokens are asked for .* allows 9/);
    expect(hold).not.toHaveProperty("until");
    tenant.set({ limits: { tokens: 10 }, window: "hour", over: "pause" });
    tenant.turn((turn) => void turn.align(id));
    expect(issued(tenant)).toEqual([`${id} x`]);
  });

  it("a lifetime asks again when it is resumed, and its timeout has stood still", () => {
    const tenant = new Tenant(ONE);
    tenant.set({ limits: { tokens: 5 }, over: "pause" });
    const id = tenant.start();
    tenant.pass(100 * 24 * HOUR);
    tenant.happen(id, { type: "resume_requested" });
    expect(head(tenant, id).status).toBe("PAUSED");
    tenant.set({ limits: { tokens: 10 }, over: "pause" });
    tenant.happen(id, { type: "resume_requested" });
    expect(issued(tenant)).toEqual([`${id} x`]);
  });

  it("a lifetime that was aborted is continued by a retry, once there is room", () => {
    const tenant = new Tenant(PAIR);
    tenant.set({ limits: { tokens: 10 }, over: "abort" });
    const id = tenant.start();
    expect(statuses(tenant)).toEqual(["budget_aborted"]);
    tenant.set({ limits: { tokens: 20 }, over: "abort" });
    tenant.turn((turn) => void turn.retry(id, "there is room"));
    expect(issued(tenant)).toEqual([`${id} x`, `${id} y`]);
    answer(tenant, 10);
    answer(tenant, 10);
    expect(statuses(tenant)).toEqual(["budget_aborted", "SUCCEEDED"]);
    expect(spent(tenant)).toEqual([20]);
  });
});

describe("an attempt that nobody answered", () => {
  const LEASE = TIMEOUT_MS + LEASE_MARGIN_MS;

  it("is charged as estimated, and a late answer corrects that once", () => {
    const retried = graphOf("A -> x", { A: free, x: { estimate, retry: { attempts: 2, backoffMs: 0 } } });
    const tenant = new Tenant(retried);
    tenant.set({ limits: { tokens: 100 } });
    tenant.start();
    const late = tenant.open()[0] as Open;
    tenant.pass(LEASE);
    expect(spent(tenant)).toEqual([10]);
    tenant.arrive(late, 3, undefined, 0);
    tenant.arrive(late, 4, undefined, 0);
    expect(spent(tenant)).toEqual([3]);
    tenant.pass(1_000);
    answer(tenant, 2);
    expect(spent(tenant)).toEqual([5]);
  });

  it("is corrected also once a later attempt has answered, whatever is said twice", () => {
    const retried = graphOf("A -> x y", {
      A: free,
      x: { estimate, retry: { attempts: 2, backoffMs: 0 } },
      y: { kind: "wait", settings: { for: HOUR }, timeoutMs: 2 * HOUR },
    });
    const tenant = new Tenant(retried);
    tenant.set({ limits: { tokens: 100 } });
    tenant.start();
    const first = tenant.open()[0] as Open;
    tenant.pass(LEASE);
    tenant.pass(1_000);
    const second = tenant.open()[0] as Open;
    tenant.arrive(second, 2, undefined, 0);
    expect(spent(tenant)).toEqual([12]);
    tenant.arrive(second, 50, undefined, 0);
    expect(spent(tenant)).toEqual([12]);
    tenant.arrive(first, 3, undefined, 0);
    tenant.arrive(first, 4, undefined, 0);
    expect(spent(tenant)).toEqual([5]);
  });

  it("is corrected also in the lifetime's own account, and after the lifetime was canceled in the others", () => {
    const tenant = new Tenant(PAIR);
    tenant.set({ limits: { tokens: 100 } });
    tenant.set({ name: "own", scope: "lifetime", limits: { tokens: 100 } });
    const id = tenant.start();
    const [x, y] = tenant.open() as [Open, Open];
    tenant.arrive(x, 7, undefined, 0);
    expect(head(tenant, id).accounts).toMatchObject({
      l2: { spent: { tokens: 7 }, reserved: { tokens: 10 } },
    });
    tenant.happen(id, { type: "cancel_requested", detail: "" });
    expect(spent(tenant)).toEqual([17]);
    tenant.arrive(y, 1, undefined, 0);
    expect(spent(tenant)).toEqual([8]);
  });
});

it("what waits uses neither calls nor time", () => {
  const tenant = new Tenant(graphOf("A -> w", { A: free, w: { kind: "wait", settings: { for: HOUR } } }));
  tenant.set({ limits: { tokens: 100 } });
  tenant.start();
  tenant.pass(2 * HOUR);
  const balances = [...(tenant.ledger?.balances.entries() ?? [])].map(([, balance]) => balance.spent);
  expect(balances).toEqual([{ calls: 1, iterations: 2 }]);
});
