// Without this, what a policy decides could break the routing of a lifetime, or be got round by it.
import { describe, expect, test } from "vitest";
import { ExecutionStatus } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";
import { policies } from "../../fixtures/policies.ts";

const policy = (name: string, fields: Record<string, string>): string =>
  Object.entries({ name, message: "so it is", ...fields })
    .map(([key, value]) => `${key}: ${value}`)
    .join("\n");

const guarded = (graph: Parameters<typeof graphOf>, ...documents: string[]): Play => {
  const play = new Play(graphOf(...graph));
  play.guard = policies(...documents);
  return play;
};

const verdictsOf = ({ log }: Play) => log.flatMap((record) => (record.type === "verdict" ? [record] : []));

describe("ROUTE_TO", () => {
  const route = (to: string, more: Record<string, string> = {}) =>
    guarded(
      ["A -> x y; x y -> B; B -> z"],
      policy("route", {
        on: "plan_execution",
        scope: "{ node: A }",
        action: "ROUTE_TO",
        route_to: to,
        ...more,
      }),
    )
      .begin()
      .answer("A", { tasks: ["x"] });

  test("launches the task that the policy names instead of what the plan chose", () => {
    expect(route("y").issued).toEqual(["2 y"]);
  });

  test.each([
    ["nowhere", "1 == 1"],
    ["z", "1 == 1"],
    ["B", "1 == 1"],
    ["nowhere", "input.value.missing > 1"],
  ])("to %s, which is no task of the plan, rejects its execution where %s", (to, when) => {
    const play = route(to, { when });
    expect(play.head).toMatchObject({
      status: "FAILED",
      reason: { code: "node_failed", detail: expect.stringContaining(`${to} is no task after A`) },
    });
    expect(play.executions().at(-1)?.header).toMatchObject({ name: "A", status: ExecutionStatus.REJECTED });
    const error = expect.stringContaining(`${to} is no task after A`);
    expect(verdictsOf(play)).toMatchObject([{ error, on_error: "closed" }]);
  });

  test("to no task of the plan changes nothing where it fails open", () => {
    const play = route("nowhere", { on_error: "open" });
    expect(play.issued).toEqual(["2 x"]);
    expect(verdictsOf(play)).toMatchObject([{ error: "nowhere is no task after A", on_error: "open" }]);
  });

  test("holds where its expression fails, if its task is one of the plan", () => {
    const play = route("y", { when: "input.value.missing > 1" });
    expect(verdictsOf(play)).toMatchObject([{ error: expect.stringContaining("missing") }]);
    expect(play.issued).toEqual(["2 y"]);
  });
});

test.each(["fail", "route"] as const)(
  "a plan whose execution is rejected launches none of the tasks that it chose, with on_failure: %s",
  (onFailure) => {
    const play = guarded(
      ["A -> x y", { A: { onFailure } }],
      policy("no", { on: "plan_execution", action: "REJECT_EXECUTION" }),
    )
      .begin()
      .answer("A");
    expect(play.issued).toEqual([]);
    expect(play.head.status).toBe(onFailure === "fail" ? "FAILED" : "SUCCEEDED");
  },
);
