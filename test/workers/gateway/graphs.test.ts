// Without these an author hears of one fault at a time, or registers the same graph as a new version.
import { beforeAll, expect, test } from "vitest";
import { send } from "./client.ts";

const GRAPHS = "/v1/tenants/graphs/graphs";

const ok = (name: string) =>
  `digraph ${name} { a [type=plan, kind=parallel]; b [type=task, kind=transform, expression="input"]; a -> b }`;
const faulty =
  "digraph g { a [type=plan, kind=nonsense]; b [type=task, kind=transform, wat=1]; a -> a; c -> b }";

beforeAll(async () => {
  await send("PUT", "/v1/tenants/graphs");
});

test("validation answers 200 with every fault, and registers nothing", async () => {
  const { status, body } = await send("POST", `${GRAPHS}:validate`, { json: { dot: faulty } });
  expect(status).toBe(200);
  expect(body.valid).toBe(false);
  expect(body.faults.length).toBeGreaterThan(3);
  expect(body.faults[0]).toMatchObject({ position: { line: 1, column: expect.any(Number) } });
  expect((await send("POST", `${GRAPHS}:validate`, { json: { dot: ok("g") } })).body).toEqual({
    valid: true,
    faults: [],
    warnings: [],
  });
  expect((await send("GET", `${GRAPHS}/g`)).body.code).toBe("graph_not_found");
});

test("an invalid graph is refused with the faults that validation tells", async () => {
  const told = (await send("POST", `${GRAPHS}:validate`, { json: { dot: faulty } })).body.faults;
  const { body } = await send("POST", GRAPHS, { json: { dot: faulty } });
  expect(body).toMatchObject({ status: 422, code: "graph_invalid", faults: told });
});

test.each([[{}], [[]], [1], ["digraph {}"], [{ name: "g", nodes: 1, edges: [] }]])(
  "the document %j is an invalid graph, not an invalid request",
  async (graph) => {
    expect((await send("POST", GRAPHS, { json: { graph } })).body.code).toBe("graph_invalid");
  },
);

test("the same graph again answers the version that it has, another the next", async () => {
  const first = await send("POST", GRAPHS, { json: { dot: ok("v") } });
  const again = await send("POST", GRAPHS, { json: { dot: ok("v").replaceAll("; ", ";\n  ") } });
  const next = await send("POST", GRAPHS, { json: { dot: ok("v").replace("input", "1") } });
  expect([first.status, again.status, next.status]).toEqual([201, 200, 201]);
  expect([first.body.version, again.body.version, next.body.version]).toEqual([1, 1, 2]);
  const versions = await send("GET", `${GRAPHS}/v/versions`);
  expect(versions.body.items.map(({ version }: { version: number }) => version)).toEqual([2, 1]);
});

test("what is valid and most likely not meant is told by validation, and by each registration", async () => {
  const dot = `digraph w { a [type=plan, kind=parallel]; c [type=plan, kind=parallel]; d [type=plan, kind=parallel, end=true]
    node [type=task, kind=transform, expression="1"]
    a -> e -> c -> f -> d; a -> g -> d }`;
  const warnings = [
    expect.objectContaining({ code: "join_spans_waves", node: "d", position: { line: 1, column: 73 } }),
  ];
  const validated = await send("POST", `${GRAPHS}:validate`, { json: { dot } });
  expect(validated.body).toEqual({ valid: true, faults: [], warnings });
  for (const status of [201, 200])
    expect(await send("POST", GRAPHS, { json: { dot } })).toMatchObject({ status, body: { warnings } });
});

test("a graph is read back with its document and its text, and its document registers as the same", async () => {
  const { body: registered } = await send("POST", GRAPHS, { json: { dot: ok("read") } });
  const { body } = await send("GET", `${GRAPHS}/read/versions/1`);
  expect(body).toMatchObject({ graph: "read", hash: registered.hash, source: { text: ok("read") } });
  const again = await send("POST", GRAPHS, { json: { graph: body.document } });
  expect(again.body).toMatchObject({ version: 1, hash: registered.hash });
});
