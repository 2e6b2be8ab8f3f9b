/** What went wrong at the broker, by the name that the protocol gives it. kafkajs wraps errors in errors. */

const typesOf = (error: unknown): readonly string[] => {
  if (!(error instanceof Error)) return [];
  const { type, cause } = error as Error & { type?: string };
  return [...(type === undefined ? [] : [type]), ...(cause === error ? [] : typesOf(cause))];
};

const anyOf =
  (...types: readonly string[]) =>
  (error: unknown): boolean =>
    typesOf(error).some((type) => types.includes(type));

/** Another producer of the same transactional id has begun: this one may write no more. */
export const isFenced = anyOf("INVALID_PRODUCER_EPOCH", "PRODUCER_FENCED", "TRANSACTIONAL_ID_FENCED");
/** The transaction before this one is not fully ended yet. */
export const isConcurrent = anyOf("CONCURRENT_TRANSACTIONS");
/** The same record will be refused again, for its size, its time, or what the broker has found in it. */
export const isRefusedForGood = anyOf(
  "MESSAGE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_TIMESTAMP",
  "INVALID_RECORD",
);
export const isExisting = anyOf("TOPIC_ALREADY_EXISTS");
/** Its coordinator is being found, or loads what it has to know. */
export const isUnsettled = anyOf(
  "NOT_COORDINATOR_FOR_GROUP",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "GROUP_LOAD_IN_PROGRESS",
);
