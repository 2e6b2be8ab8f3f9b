/** kafkajs as the bridge uses it: its waits, its log. Only this folder knows the library. */
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, type KafkaConfig, type LogEntry, logLevel } from "kafkajs";
import type { Level, Log } from "../log.ts";
import { installCodecs } from "./codecs.ts";

export type { Kafka } from "kafkajs";

installCodecs();

export type KafkaSettings = Pick<KafkaConfig, "ssl" | "sasl" | "retry"> & {
  brokers: string[];
};

/**
 * The broker says that the transaction before is still ending, some milliseconds long after each; by default kafkajs
 * would then wait 300 ms. As many retries bridge the restart of a broker.
 */
export const RETRY = { initialRetryTime: 5, multiplier: 1.5, maxRetryTime: 1_000, retries: 30 };

/** Said at each retry, at level ERROR, or of settings that are as they should be. */
const EXPECTED =
  /concurrent operation on the same transaction|group is rebalancing|coordinator is (loading|not available)|not the correct coordinator|restarting the consumer|limiting retries for the/i;

const LEVELS: Readonly<Record<number, Level>> = { [logLevel.ERROR]: "error", [logLevel.WARN]: "warn" };

const logCreator =
  (log: Log) =>
  () =>
  ({ namespace, level, log: { message, error, broker, groupId, retryCount } }: LogEntry): void => {
    if (EXPECTED.test(`${message} ${error}`)) return;
    // What it tries again is not worth more than a warning: what fails for good is said by whoever asked for it.
    const said = level === logLevel.ERROR && retryCount !== undefined ? "warn" : (LEVELS[level] ?? "info");
    log(said, "kafka", { message, error: error && String(error), broker, group: groupId, part: namespace });
  };

export const kafkaClient = (settings: KafkaSettings, log: Log): Kafka =>
  new Kafka({
    clientId: "escapement-bridge",
    connectionTimeout: 5_000,
    authenticationTimeout: 10_000,
    retry: RETRY,
    ...settings,
    logLevel: logLevel.WARN,
    logCreator: logCreator(log),
  });

/** What kafkajs retries for most requests, for those where it does not. */
export const retried = async <T>(act: () => Promise<T>, worthIt: (error: unknown) => boolean): Promise<T> => {
  for (let tries = 0, wait = RETRY.initialRetryTime; ; tries++, wait *= RETRY.multiplier) {
    try {
      return await act();
    } catch (error) {
      if (!worthIt(error) || tries >= RETRY.retries) throw error;
      await sleep(Math.min(wait, RETRY.maxRetryTime));
    }
  }
};
