/** Bytes ↔ the frames between bridge and object, and their topics ↔ ours. Decoding never throws. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { MIRROR_FRAME_BYTES_MAX } from "../limits.ts";
import { err, ok, type Result } from "../result.ts";
import { TOPIC_NAMES, type Topic } from "../topics/topics.ts";
import {
  type BridgeFrame,
  BridgeFrameSchema,
  type EdgeFrame,
  EdgeFrameSchema,
  Topic as WireTopic,
} from "../wire/gen/escapement/bridge/v1/frame_pb.ts";

export const PROTOCOL_VERSION = 1;

/** A text frame that the object answers without waking up. */
export const PING = "ping";
export const PONG = "pong";

type Fault = string;

/** `read` throws on what is no frame. */
export const frameDecoder =
  <T>(read: (bytes: Uint8Array) => T) =>
  (bytes: Uint8Array): Result<T, Fault> => {
    if (bytes.byteLength > MIRROR_FRAME_BYTES_MAX)
      return err(`a frame of ${bytes.byteLength} bytes; the bound is ${MIRROR_FRAME_BYTES_MAX}`);
    try {
      return ok(read(bytes));
    } catch (cause) {
      return err(`not a frame: ${(cause as Error).message}`);
    }
  };

export const decodeBridgeFrame: (bytes: Uint8Array) => Result<BridgeFrame["frame"], Fault> = frameDecoder(
  (bytes) => fromBinary(BridgeFrameSchema, bytes).frame,
);
export const decodeEdgeFrame: (bytes: Uint8Array) => Result<EdgeFrame["frame"], Fault> = frameDecoder(
  (bytes) => fromBinary(EdgeFrameSchema, bytes).frame,
);

export type BridgeFrameInit = NonNullable<MessageInitShape<typeof BridgeFrameSchema>["frame"]>;
export type EdgeFrameInit = NonNullable<MessageInitShape<typeof EdgeFrameSchema>["frame"]>;

export const encodeBridgeFrame = (frame: BridgeFrameInit): Uint8Array =>
  toBinary(BridgeFrameSchema, create(BridgeFrameSchema, { frame }));
export const encodeEdgeFrame = (frame: EdgeFrameInit): Uint8Array =>
  toBinary(EdgeFrameSchema, create(EdgeFrameSchema, { frame }));

const WIRE_TOPICS: Readonly<Record<Topic, WireTopic>> = {
  "plan-inputs": WireTopic.PLAN_INPUTS,
  "task-inputs": WireTopic.TASK_INPUTS,
  "plan-executions": WireTopic.PLAN_EXECUTIONS,
  "task-executions": WireTopic.TASK_EXECUTIONS,
  "persisted-plan-executions": WireTopic.PERSISTED_PLAN_EXECUTIONS,
  "persisted-task-executions": WireTopic.PERSISTED_TASK_EXECUTIONS,
};

const BY_WIRE = new Map(TOPIC_NAMES.map((topic) => [WIRE_TOPICS[topic], topic]));

export const wireTopic = (topic: Topic): WireTopic => WIRE_TOPICS[topic];
/** Undefined for one that this code does not know. */
export const topicOfWire = (topic: WireTopic): Topic | undefined => BY_WIRE.get(topic);
