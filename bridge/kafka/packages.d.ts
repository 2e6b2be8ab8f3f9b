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
  export default class Cluster {
    findGroupCoordinatorMetadata(of: CoordinatorOf): Promise<Coordinator>;
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
  }
}
