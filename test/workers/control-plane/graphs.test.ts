// Without this, a lifetime could start on a graph that is not to be used, or two versions could become one.
import { describe, expect, test } from "vitest";
import { openGate } from "../../fixtures/gates.ts";
import { answered, ECHO, freshName, freshTenant, graphOf, inOwnTenant, withTask } from "./client.ts";

const OTHER_ECHO = ECHO.replace("say", "say [label=other]; say");
const inactive = { ok: false, error: { code: "graph_not_active" } };

describe("a graph", () => {
  test("that is registered again has the version that it has", async () => {
    const { register } = await freshTenant(ECHO);
    expect(await register(ECHO)).toMatchObject({ version: 1, created: false });
    expect(await register(OTHER_ECHO)).toMatchObject({ version: 2, created: true });
    expect(await register(ECHO)).toMatchObject({ version: 1, created: false });
  });

  test("starts lifetimes once it is active", async () => {
    const { register, tryStart, start, object } = await freshTenant();
    expect(await register(ECHO, false)).toMatchObject({ status: "NEW" });
    expect(await tryStart("echo")).toMatchObject(inactive);
    answered(await object.setGraphStatus({ graph: "echo", status: "ACTIVE" }));
    expect(await start("echo")).toMatchObject({ status: "SUCCEEDED", graph_version: 1 });
  });

  test("that is archived starts nothing, and what runs on it finishes", async () => {
    const gate = freshName("gate");
    const { begin, tryStart, end, object } = await freshTenant(withTask("held", "gated", { gate }));
    const { lifetime } = await begin("held");
    answered(await object.setGraphStatus({ graph: "held", status: "ARCHIVED" }));
    expect(await tryStart("held")).toMatchObject(inactive);
    openGate(gate);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("never leaves the archive", async () => {
    const { register, object } = await freshTenant(ECHO);
    answered(await object.setGraphStatus({ graph: "echo", version: 1, status: "ARCHIVED" }));
    expect(await object.setGraphStatus({ graph: "echo", version: 1, status: "ACTIVE" })).toMatchObject({
      error: { code: "illegal_transition" },
    });
    expect(await register(ECHO)).toMatchObject({ version: 1, status: "ARCHIVED" });
  });

  test("that is activated and archived in the same turn stays in the archive", () =>
    inOwnTenant({}, [], async ({ register, object }) => {
      await register(ECHO, false);
      const [archived, activated] = await Promise.all([
        object.setGraphStatus({ graph: "echo", version: 1, status: "ARCHIVED" }),
        object.setGraphStatus({ graph: "echo", version: 1, status: "ACTIVE" }),
      ]);
      expect(archived).toMatchObject({ ok: true });
      expect(activated).toMatchObject({ error: { code: "illegal_transition" } });
      expect(answered(await object.getGraph("echo"))).toMatchObject({ status: "ARCHIVED" });
    }));

  test("that is registered twice in the same turn is one version; another is the next", () =>
    inOwnTenant({}, [], async ({ object }) => {
      const registered = await Promise.all(
        [ECHO, ECHO, OTHER_ECHO].map((dot) => object.registerGraph({ graph: graphOf(dot), activate: true })),
      );
      expect(registered.map(answered)).toMatchObject([
        { version: 1, created: true },
        { version: 1, created: false },
        { version: 2, created: true },
      ]);
    }));
});
