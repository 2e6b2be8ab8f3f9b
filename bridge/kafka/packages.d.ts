// What the packages do not declare themselves.
declare module "snappyjs" {
  const snappy: {
    compress(bytes: Uint8Array): Uint8Array;
    uncompress(bytes: Uint8Array): Uint8Array;
  };
  export default snappy;
}

declare module "lz4js" {
  const lz4: {
    compress(bytes: Uint8Array): Uint8Array;
    decompress(bytes: Uint8Array): Uint8Array;
  };
  export default lz4;
}

/** Version 6 is the last that kafkajs knows, and what it speaks with Kafka 4. */
declare module "kafkajs/src/protocol/requests/metadata/v6/response.js" {
  export interface Metadata {
    readonly topicMetadata: readonly {
      readonly topicErrorCode: number;
      readonly topic: string;
      readonly partitionMetadata: readonly {
        readonly partitionErrorCode: number;
        readonly partitionId: number;
        readonly leader: number;
      }[];
    }[];
  }
  const response: { parse(metadata: Metadata): Promise<Metadata> };
  export default response;
}

/** Brokers as one producer, consumer or admin of kafkajs knows them. */
declare module "kafkajs/src/cluster/index.js" {
  export interface CoordinatorOf {
    readonly groupId: string;
    readonly coordinatorType: number;
  }
  export interface Coordinator {
    readonly coordinator: { readonly nodeId: number };
  }
  /** What is decoded of an answer, and for how long the broker wants to be left alone. */
  export interface Answer<T> {
    readonly clientSideThrottleTime: number;
    readonly read: T;
  }
  /** A request as it is written, and how its answer is read. */
  export interface Exchange<T> {
    readonly request: {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      encode(): Promise<unknown>;
    };
    readonly response: {
      decode(answer: Buffer): Promise<Answer<T>>;
      parse(answer: Answer<T>): Promise<T>;
    };
  }
  export interface Broker {
    readonly connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> };
  }
  export default class Cluster {
    findGroupCoordinatorMetadata(of: CoordinatorOf): Promise<Coordinator>;
    refreshMetadata(): Promise<void>;
    findControllerBroker(): Promise<Broker>;
  }
}

/** What answers are read with. */
declare module "kafkajs/src/protocol/decoder.js" {
  export default class Decoder {
    constructor(bytes: Buffer);
    readInt16(): number;
    readInt32(): number;
    readBoolean(): boolean;
    readBytes(length: number): Buffer;
    readUVarIntString(): string | null;
    readUVarIntArray<T>(read: (decoder: Decoder) => T): T[] | null;
    readTaggedFields(): unknown;
  }
}

/** What requests are written with. */
declare module "kafkajs/src/protocol/encoder.js" {
  export interface Encoded {
    readonly buf: Buffer;
    /** What of it is written. */
    readonly buffer: Buffer;
  }
  export default class Encoder implements Encoded {
    buf: Buffer;
    offset: number;
    readonly buffer: Buffer;
    writeEncoder(body: Encoded): this;
    writeInt32(value: number): this;
    writeBoolean(value: boolean): this;
    writeBuffer(bytes: Buffer): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(text: string | null): this;
  }
}
