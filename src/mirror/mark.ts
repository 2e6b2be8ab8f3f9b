/** How far one partition of Kafka was taken in. */
import type { Topic } from "../topics/topics.ts";

export interface Mark {
  readonly topic: Topic;
  readonly partition: number;
  /** Counts how often an operator has said that the topic was made anew. */
  readonly generation: number;
  /** The next offset that is taken. */
  readonly next: number;
  /** It ended below `next`: nothing is taken until its next generation. */
  readonly regressed: boolean;
}
