/** How what Kafka refuses for the moment is tried again. */
import { setTimeout as sleep } from "node:timers/promises";

/**
 * The broker says that the transaction before is still ending, some milliseconds long after each; by default kafkajs
 * would then wait 300 ms. As many retries bridge the restart of a broker.
 */
export const RETRY = { initialRetryTime: 5, multiplier: 1.5, maxRetryTime: 1_000, retries: 30 };

/** What kafkajs retries for most requests, for those where it does not. */
export const retried = async <T>(
  act: () => Promise<T>,
  worthIt: (error: unknown) => boolean,
  firstMs = RETRY.initialRetryTime,
): Promise<T> => {
  for (let tries = 0, wait = firstMs; ; tries++, wait *= RETRY.multiplier) {
    try {
      return await act();
    } catch (error) {
      if (!worthIt(error) || tries >= RETRY.retries) throw error;
      await sleep(Math.min(wait, RETRY.maxRetryTime));
    }
  }
};
