/** kafkajs as the bridge uses it: its waits, its log. Only this folder knows the library. */
import { Kafka, type KafkaConfig, type LogEntry, logLevel } from "kafkajs";
import type { Level, Log } from "../log.ts";
import { installCodecs } from "./codecs.ts";
import { installCoordinators } from "./coordinators.ts";
import { installMetadata } from "./metadata.ts";
import { installProduceRequest } from "./produce-request.ts";
import { installRecords } from "./records.ts";
import { installRequest } from "./request.ts";
import { RETRY } from "./retry.ts";

export type { Kafka } from "kafkajs";

installCodecs();
installCoordinators();
installMetadata();
installProduceRequest();
installRecords();
installRequest();

export type KafkaSettings = Pick<KafkaConfig, "ssl" | "sasl" | "retry"> & {
  brokers: string[];
};

/** Said at each retry, at level ERROR, or of settings that are as they should be. */
const EXPECTED =
  /concurrent operation on the same transaction|group is rebalancing|coordinator is (loading|not available)|not the correct coordinator|restarting the consumer|limiting retries for the|failed to connect to seed broker|Response Metadata.*does not host/i;
/** What is tried again many times a second is said again after it. */
const AGAIN_MS = 10_000;

const LEVELS: Readonly<Record<number, Level>> = { [logLevel.ERROR]: "error", [logLevel.WARN]: "warn" };

const logCreator = (log: Log) => () => {
  const said = new Map<string, number>();
  const isNew = (text: string): boolean => {
    const now = Date.now();
    for (const [each, at] of said) if (now - at > AGAIN_MS) said.delete(each);
    if (said.has(text)) return false;
    said.set(text, now);
    return true;
  };
  return ({ namespace, level, log: { message, error, broker, groupId, retryCount } }: LogEntry): void => {
    const text = `${message} ${error}`;
    if (EXPECTED.test(text) || !isNew(`${text} ${broker} ${groupId}`)) return;
    // What it tries again is not worth more than a warning: what fails for good is said by whoever asked for it.
    const how = level === logLevel.ERROR && retryCount !== undefined ? "warn" : (LEVELS[level] ?? "info");
    log(how, "kafka", { message, error: error && String(error), broker, group: groupId, part: namespace });
  };
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
