/**
 * What kafkajs reads of all topics at once: it throws where one of them is gone or has a partition without a leader,
 * whoever's it is, and then knows nothing of any. Here such a topic is left out, and such a partition has no leader.
 */
import response, { type Metadata } from "kafkajs/src/protocol/requests/metadata/v6/response.js";

/** A partition's own: nobody leads it, or nobody that this listener could name. */
const LEADER_NOT_AVAILABLE = 5;
const LISTENER_NOT_FOUND = 72;
const UNKNOWN_TOPIC_OR_PARTITION = 3;
/** As the protocol says that there is none. */
export const NO_LEADER = -1;

const isLeaderless = (code: number): boolean => code === LEADER_NOT_AVAILABLE || code === LISTENER_NOT_FOUND;
const isLeftOut = (code: number): boolean => code === UNKNOWN_TOPIC_OR_PARTITION || isLeaderless(code);

/** All other faults are left for kafkajs to throw. */
export const withoutFaulty = (metadata: Metadata): Metadata => ({
  ...metadata,
  topicMetadata: metadata.topicMetadata
    .filter(({ topicErrorCode }) => !isLeftOut(topicErrorCode))
    .map((topic) => ({
      ...topic,
      partitionMetadata: topic.partitionMetadata.map((partition) =>
        isLeaderless(partition.partitionErrorCode)
          ? { ...partition, partitionErrorCode: 0, leader: NO_LEADER }
          : partition,
      ),
    })),
});

const { parse } = response;

export const installMetadata = (): void => {
  response.parse = (metadata) => parse(withoutFaulty(metadata));
};
