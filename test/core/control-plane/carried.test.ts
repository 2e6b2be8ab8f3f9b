// Without this, an executor could be given other results than the graph says, or an input that does not decode.
import { create, type JsonObject } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { expect, test } from "vitest";
import { type InputRecord, messageOf } from "../../../src/topics/record.ts";
import { decodePlanInput, decodeTaskInput, encodeExecution } from "../../../src/wire/codec.ts";
import { composeInput } from "../../../src/wire/compose.ts";
import { PlanExecutionSchema, type TaskExecution } from "../../../src/wire/gen/escapement/v1/execution_pb.ts";
import { graphOf } from "../../fixtures/graphs.ts";
import { Play } from "../../fixtures/play.ts";

const lastInput = (play: Play): InputRecord => {
  const found = play.log.findLast((record) => record.type === "input");
  if (found === undefined) throw new Error("no input");
  return found;
};

/** The message that an executor gets for the input that was issued last. */
const compose = (play: Play): Uint8Array =>
  composeInput(lastInput(play), (offset) => {
    const message = messageOf(play.log[offset - 1]);
    if (message === undefined) throw new Error("no execution");
    return message;
  });

const planInput = (play: Play): readonly TaskExecution[] => {
  const decoded = decodePlanInput(compose(play));
  if (!decoded.ok) throw new Error(decoded.error);
  return decoded.value.taskExecutions;
};

const withUnknown = (play: Play, n: number, error?: string) => {
  const execution = play.execution(n, error === undefined ? {} : { error });
  execution.$unknown = [{ no: 900, wireType: WireType.Varint, data: Uint8Array.of(7) }];
  return execution;
};

test("a plan gets its tasks in the order of launch, and of an ignored failure all but the result", () => {
  const play = Play.start(graphOf("A -> x y; x y -> B", { x: { onFailure: "ignore" } })).answer("A");
  play.arrive(3, withUnknown(play, 3)).arrive(2, withUnknown(play, 2, "no"));
  const [x, y] = planInput(play);
  expect([x?.header?.name, y?.header?.name]).toEqual(["x", "y"]);
  expect([x?.result, y?.result?.errorMessage]).toEqual([undefined, ""]);
  expect([x?.$unknown?.length, y?.$unknown?.length]).toEqual([1, 1]);
});

test("a plan gets the result of a failure that is routed", () => {
  const play = Play.start(graphOf("A -> x; x -> B", { x: { onFailure: "route" } })).answer("A");
  expect(planInput(play.answer("x", { error: "no: not now" }))[0]?.result?.errorMessage).toBe("no: not now");
});

test.each<[string, Record<string, JsonObject>, JsonObject | undefined]>([
  ["x", { x: { words: 3 } }, { words: 3 }],
  ["x", { y: { words: 3 } }, undefined],
  // Names that every object has.
  ["constructor", {}, undefined],
  ["toString", { toString: { words: 3 } }, { words: 3 }],
])("task %s of a plan that gives %j gets %j", (task, given, parameters) => {
  const play = Play.start(graphOf(`A -> ${task}`));
  const { header } = play.execution(1);
  const execution = create(PlanExecutionSchema, {
    ...(header && { header }),
    result: { nextTaskNames: [task], nextTaskParameters: given },
  });
  const decoded = decodeTaskInput(compose(play.arrive(1, execution)));
  expect(decoded.ok && decoded.value.parameters).toEqual(parameters);
  expect(decoded.ok && decoded.value.planExecution?.header?.name).toBe("A");
});

test("what is carried is spliced in as it was stored", () => {
  const play = Play.start(graphOf("A -> x; x -> B")).answer("A");
  const execution = withUnknown(play, 2);
  const message = encodeExecution(execution);
  play.arrive(2, execution);
  expect(Buffer.from(compose(play)).includes(Buffer.from(message))).toBe(true);
});
