/** Which Kafka the tests and the benches run against: one that is named, else one of one's own, by what is here. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../workers/local/process.ts";
import { type Secured, startBroker } from "./broker.ts";
import { KAFKA_VERSION, missingForJars } from "./jars.ts";

const run = promisify(execFile);

export interface FoundBroker extends AsyncDisposable {
  /** As in KAFKA_BROKERS. */
  readonly brokers: string;
  readonly secured?: Secured;
}

const fromJars = async (secured: boolean): Promise<FoundBroker> => {
  const folder = await mkdtemp(join(tmpdir(), "escapement-kafka-"));
  const broker = await startBroker({ folder, secured });
  const end = async () => {
    await broker[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  return {
    brokers: broker.address,
    ...(broker.secured ? { secured: broker.secured } : {}),
    [Symbol.asyncDispose]: end,
  };
};

const DOCKER_READY_MS_MAX = 120_000;

const fromDocker = async (): Promise<FoundBroker> => {
  const port = await freePort("127.0.0.1");
  const settings = {
    NODE_ID: 1,
    PROCESS_ROLES: "broker,controller",
    LISTENERS: "PLAINTEXT://:9092,CONTROLLER://:9093",
    ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
    LISTENER_SECURITY_PROTOCOL_MAP: "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    CONTROLLER_LISTENER_NAMES: "CONTROLLER",
    CONTROLLER_QUORUM_VOTERS: "1@localhost:9093",
    OFFSETS_TOPIC_REPLICATION_FACTOR: 1,
    TRANSACTION_STATE_LOG_REPLICATION_FACTOR: 1,
    TRANSACTION_STATE_LOG_MIN_ISR: 1,
    GROUP_INITIAL_REBALANCE_DELAY_MS: 0,
    AUTO_CREATE_TOPICS_ENABLE: false,
  };
  const environment = Object.entries(settings).flatMap(([name, value]) => ["-e", `KAFKA_${name}=${value}`]);
  const image = `apache/kafka:${KAFKA_VERSION}`;
  const args = ["run", "-d", "--rm", "-p", `127.0.0.1:${port}:9092`, ...environment, image];
  const container = (await run("docker", args)).stdout.trim();
  const end = async () => void (await run("docker", ["kill", container]));
  for (const deadline = Date.now() + DOCKER_READY_MS_MAX; ; await sleep(500)) {
    const { stdout } = await run("docker", ["logs", container]);
    if (stdout.includes("Kafka Server started"))
      return { brokers: `127.0.0.1:${port}`, [Symbol.asyncDispose]: end };
    if (Date.now() < deadline) continue;
    await end();
    throw new Error(`Kafka in Docker did not start. It said: ${stdout.slice(-4_000)}`);
  }
};

/** A broker, or what to install to have one. */
export const findBroker = async ({ secured = false } = {}): Promise<FoundBroker | string> => {
  const named = process.env.KAFKA_BROKERS;
  if (named) return { brokers: named, [Symbol.asyncDispose]: async () => {} };
  const missing = await missingForJars();
  if (missing === undefined) return fromJars(secured);
  if (
    await run("docker", ["info"]).then(
      () => true,
      () => false,
    )
  )
    return fromDocker();
  return `set KAFKA_BROKERS, or install ${missing} (Debian: apt-get install openjdk-17-jre-headless maven), or start Docker`;
};
