/** Which execution a record is, or asks for: for whoever reads the log. Nothing else looks into what is mirrored. */
import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { TOPICS, type Topic } from "../../src/topics/topics.ts";
import type { ExecutionHeader } from "../../src/wire/gen/escapement/v1/execution_pb.ts";

/** Empty where it says none. */
export const execIdOf = (topic: Topic, value: Uint8Array): string => {
  const schema: DescMessage = TOPICS[topic].message;
  try {
    const { header } = fromBinary(schema, value) as { header?: ExecutionHeader };
    return header?.execId ?? "";
  } catch {
    return "";
  }
};
