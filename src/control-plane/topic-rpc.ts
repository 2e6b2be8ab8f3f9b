/** What the tenant object answers of its topics: what is on them, and what did not get there. */
import type { ExecutionTopic, Kind, Topic } from "../topics/topics.ts";
import type { DeadLetterReason, Disposition, StrayReason } from "./disposition.ts";
import type { Answer } from "./tenant.ts";

export interface TopicRecord {
  readonly offset: number;
  /** Milliseconds since the epoch at which it was appended. */
  readonly at: number;
  readonly key: string;
  /** The protobuf message of the topic, encoded. */
  readonly value: Uint8Array;
  /** Of an execution: the deployment whose code ran it, where that is known. */
  readonly executorVersion?: string;
}

export interface TopicPage {
  readonly records: readonly TopicRecord[];
  /** Where to read on; offsets of one topic rise but are not dense. */
  readonly nextOffset: number;
  readonly firstOffset: number;
}

export interface StrayView {
  readonly id: number;
  readonly reason: StrayReason;
  readonly received_at: string;
  readonly kind: Kind;
  readonly message: Uint8Array;
}

export interface DeadLetterView {
  readonly id: number;
  readonly reason: DeadLetterReason;
  readonly detail: string;
  readonly received_at: string;
  readonly topic: string;
  /** Where it is in Kafka, if it came from there. */
  readonly partition?: number;
  readonly offset?: number;
  readonly message: Uint8Array;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** Pass it back as `after` for the next page; absent on the last. */
  readonly next?: number;
}

export interface TopicRpc {
  produce(topic: ExecutionTopic, message: Uint8Array): Promise<Answer<Disposition>>;
  readTopic(request: {
    topic: Topic;
    offset: number;
    limit: number;
    waitMs: number;
  }): Promise<Answer<TopicPage>>;
  listStrays(request: { after: number; limit: number }): Promise<Answer<Page<StrayView>>>;
  listDeadLetters(request: { after: number; limit: number }): Promise<Answer<Page<DeadLetterView>>>;
}
