/**
 * Topics by the ids that the broker has given them, of which kafkajs knows nothing: whoever deletes by them never
 * deletes a topic that was made anew under the same name. Two requests of its own, over connections of kafkajs.
 */
import { type Kafka, PartitionAssigners } from "kafkajs";
import type Cluster from "kafkajs/src/cluster/index.js";
import type { Answer, Exchange } from "kafkajs/src/cluster/index.js";
import Decoder from "kafkajs/src/protocol/decoder.js";
import Encoder from "kafkajs/src/protocol/encoder.js";

/** By the name that it had. */
export type TopicIds = ReadonlyMap<string, Buffer>;

const METADATA = { apiKey: 3, apiVersion: 12, apiName: "Metadata" };
const DELETE_TOPICS = { apiKey: 20, apiVersion: 6, apiName: "DeleteTopics" };
const DELETE_MS_MAX = 10_000;
const ID_BYTES = 16;
const NO_ID = Buffer.alloc(ID_BYTES);
const DONE = 0;
const UNKNOWN_TOPIC_ID = 100;

/** Both are of versions that end each struct with tagged fields, of which there are none; so does the header. */
const NO_TAGS = 0;

/** Over one connection, and then no more. */
const exchange = async <T>(kafka: Kafka, of: Exchange<T>): Promise<T> => {
  let found: Cluster | undefined;
  // Nobody else is given what kafkajs talks with; it joins no group.
  const consumer = kafka.consumer({
    groupId: "escapement",
    partitionAssigners: [
      (given) => {
        found = given.cluster as unknown as Cluster;
        return PartitionAssigners.roundRobin(given);
      },
    ],
  });
  await consumer.connect();
  try {
    if (found === undefined) throw new Error("kafkajs has asked no assigner");
    await found.refreshMetadata();
    const broker = await found.findControllerBroker();
    return await broker.connectionPool.send(of);
  } finally {
    await consumer.disconnect().catch(() => {});
  }
};

const exchangeOf = <T>(
  { apiKey, apiVersion, apiName }: typeof METADATA,
  body: Encoder,
  read: (decoder: Decoder) => T,
): Exchange<T> => ({
  request: { apiKey, apiVersion, apiName, encode: async () => body },
  response: {
    decode: async (answer) => {
      const decoder = new Decoder(answer);
      decoder.readTaggedFields();
      return { clientSideThrottleTime: decoder.readInt32(), read: read(decoder) };
    },
    parse: async ({ read }: Answer<T>) => read,
  },
});

const topicsRead = (names: readonly string[]) => {
  const body = new Encoder().writeUVarInt(NO_TAGS).writeUVarInt(names.length + 1);
  for (const name of names) body.writeBuffer(NO_ID).writeUVarIntString(name).writeUVarInt(NO_TAGS);
  // Neither makes topics, nor asks for rights.
  body.writeBoolean(false).writeBoolean(false).writeUVarInt(NO_TAGS);
  return exchangeOf(METADATA, body, (decoder) => {
    decoder.readUVarIntArray(readBroker);
    decoder.readUVarIntString();
    decoder.readInt32();
    return decoder.readUVarIntArray(readTopic) ?? [];
  });
};

const readBroker = (decoder: Decoder): void => {
  decoder.readInt32();
  decoder.readUVarIntString();
  decoder.readInt32();
  decoder.readUVarIntString();
  decoder.readTaggedFields();
};

const readNumber = (decoder: Decoder): number => decoder.readInt32();

const readPartition = (decoder: Decoder): void => {
  decoder.readInt16();
  for (let n = 0; n < 3; n++) decoder.readInt32();
  for (let n = 0; n < 3; n++) decoder.readUVarIntArray(readNumber);
  decoder.readTaggedFields();
};

const readTopic = (decoder: Decoder) => {
  decoder.readInt16();
  const name = decoder.readUVarIntString() ?? "";
  const id = decoder.readBytes(ID_BYTES);
  decoder.readBoolean();
  decoder.readUVarIntArray(readPartition);
  decoder.readInt32();
  decoder.readTaggedFields();
  return { name, id };
};

const topicsDeleted = (ids: readonly Buffer[]) => {
  const body = new Encoder().writeUVarInt(NO_TAGS).writeUVarInt(ids.length + 1);
  for (const id of ids) body.writeUVarIntString(null).writeBuffer(id).writeUVarInt(NO_TAGS);
  body.writeInt32(DELETE_MS_MAX).writeUVarInt(NO_TAGS);
  return exchangeOf(DELETE_TOPICS, body, (decoder) => decoder.readUVarIntArray(readDeleted) ?? []);
};

const readDeleted = (decoder: Decoder) => {
  const name = decoder.readUVarIntString();
  const id = decoder.readBytes(ID_BYTES);
  const code = decoder.readInt16();
  const detail = decoder.readUVarIntString();
  decoder.readTaggedFields();
  return { name, id, code, detail };
};

/** Of those that there are. */
export const topicIds = async (kafka: Kafka, names: readonly string[]): Promise<TopicIds> => {
  const found = await exchange(kafka, topicsRead(names));
  return new Map(found.filter(({ id }) => !id.equals(NO_ID)).map(({ name, id }) => [name, id]));
};

/** What is gone already is no fault. */
export const deleteTopics = async (kafka: Kafka, ids: TopicIds): Promise<void> => {
  if (ids.size === 0) return;
  const deleted = await exchange(kafka, topicsDeleted([...ids.values()]));
  const refused = deleted.filter(({ code }) => code !== DONE && code !== UNKNOWN_TOPIC_ID);
  if (refused.length === 0) return;
  const nameOf = (of: Buffer) => [...ids].find(([, id]) => id.equals(of))?.[0];
  throw new Error(refused.map(({ id, code, detail }) => `${nameOf(id)}: ${detail ?? code}`).join("; "));
};
