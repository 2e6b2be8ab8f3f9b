// Without this the examples, which are the first thing that a newcomer runs, could fail or show something else.
import type { JsonValue } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { type Example, examples } from "../../../examples/index.ts";
import { parseGraph } from "../../../src/graph/parse.ts";
import { type ApprovalOpenedRecord, messageOf } from "../../../src/topics/record.ts";
import { decodeExecution, isPlan } from "../../../src/wire/codec.ts";
import { composeInput } from "../../../src/wire/compose.ts";
import { readResult } from "../../../src/wire/payload.ts";
import { encodeValue } from "../../../src/wire/value.ts";
import { nodes } from "../../../workers/executor/nodes.ts";
import { Play, TENANT } from "../../fixtures/play.ts";
import { answerOf, portsOf } from "./inputs.ts";

const CREATED_AT = "2026-01-01T00:00:00.000Z";
const ports = portsOf();

const inputOf = (play: Play, offset: number) => {
  const record = play.log[offset - 1];
  if (record?.type !== "input") throw new Error(`record ${offset} is no input`);
  return composeInput(record, (at) => {
    const message = messageOf(play.log[at - 1]);
    if (message === undefined) throw new Error(`record ${at} is no execution`);
    return message;
  });
};

/** Plays a lifetime of the example with its own nodes, every input in the order in which it was issued. */
const played = async (
  { graph, input }: Example,
  answer: (asked: ApprovalOpenedRecord) => JsonValue = () => null,
): Promise<Play> => {
  const parsed = parseGraph(graph, nodes);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  const play = new Play(parsed.value);
  const bytes = encodeValue(input);
  play.reduce({
    type: "started",
    lifetime: "l1",
    tenant: TENANT,
    partition: 0,
    version: 1,
    labels: {},
    input: bytes,
  });
  while (play.head.endedAt === undefined) {
    const [next] = play.open("issued");
    const [asking] = play.open("waiting");
    if (!next && asking?.[1].approval) {
      const { opened } = asking[1].approval;
      const record = play.log[opened - 1] as ApprovalOpenedRecord;
      const voter = { name: "person", roles: ["operator"] };
      const ballot = { type: "approve" as const, edit: answer(record) };
      play.reduce({ type: "approval_answered", n: asking[0], opened, voter, ballot });
      continue;
    }
    if (!next) {
      // What is left waits for its retry.
      play.pass(60_000);
      continue;
    }
    const [n, { kind, node, input: offset }] = next;
    const attempt = nodes.bind(JSON.stringify(play.index.spec(node)))?.attempt(inputOf(play, offset));
    if (!attempt?.ok) throw new Error(attempt?.error);
    const settled = await (async () => attempt.value.start(ports))().then(
      (value) => ({ value }),
      (thrown: unknown) => ({ thrown }),
    );
    const execution = decodeExecution(kind, await answerOf(attempt.value, settled, CREATED_AT));
    if (!execution.ok) throw new Error(execution.error);
    play.arrive(n, execution.value);
  }
  return play;
};

const exampleOf = (name: string): Example => {
  const found = examples.find((example) => example.name === name);
  if (!found) throw new Error(`no example ${name}`);
  return found;
};

const passes = (play: Play) =>
  play.executions().map(({ header }) => `${header.name} ${header.iterationIdx}.${header.attempt}`);

const lastResult = (play: Play) => {
  const execution = play.executions().at(-1)?.execution;
  return execution && !isPlan(execution) ? readResult(execution.result) : undefined;
};

it("redraft goes round until every rule is met, and publishes on the second attempt", async () => {
  const play = await played(exampleOf("redraft"));
  expect(play.head.status).toBe("SUCCEEDED");
  const round = (n: number) => [`editor ${n}.1`, `draft ${n}.1`, `to_check ${n}.1`, `check ${n}.1`];
  expect(passes(play)).toEqual([...[0, 1, 2].flatMap(round), "editor 3.1", "publish 0.1", "publish 0.2"]);
  expect(lastResult(play)).toEqual({
    published:
      "Escapement for platform teams: it runs agent graphs at the edge, checks budgets before each step, keeps every execution as a row, speaks Kafka both ways.",
    words: 26,
  });
});

it("digest reads side by side, waits for all, and one reader stumbles", async () => {
  const play = await played(exampleOf("digest"));
  expect(play.head.status).toBe("SUCCEEDED");
  expect(passes(play).filter((pass) => pass.endsWith(".2"))).toEqual(["reader_3 0.2"]);
  expect(passes(play).slice(-2)).toEqual(["all_read 0.1", "digest 0.1"]);
  expect(lastResult(play)).toMatchObject({
    documents: 5,
    themes: ["alarm", "disk", "queue", "full", "bound"],
  });
});

it("refund asks a person, and pays what they answer", async () => {
  const example = exampleOf("refund");
  const asked: string[] = [];
  const play = await played(example, ({ title, description }) => {
    asked.push(title, description ?? "");
    return example.answer?.value ?? null;
  });
  expect(asked).toEqual(["Refund 120 to Ada?", "the second wheel never came"]);
  expect([play.head.status, lastResult(play)]).toEqual(["SUCCEEDED", { refunded: 80 }]);
});

it("polish would go round for ever where no budget stops it", async () => {
  const play = await played(exampleOf("polish"));
  expect(play.head.reason?.code).toBe("iterations_exceeded");
});

it.each(examples)(
  "$name is the graph of that name, for people who read its sentence",
  ({ name, sentence, graph }) => {
    const parsed = parseGraph(graph, nodes);
    expect(parsed.ok && parsed.value.name).toBe(name);
    expect(sentence).toMatch(/\.$/);
  },
);
