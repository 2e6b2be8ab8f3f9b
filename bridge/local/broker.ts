/**
 * A Kafka broker of one's own on loopback, for tests, benches and people: one process on a folder that it may be
 * killed on and started again. Nothing that is deployed imports it.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort } from "../../workers/local/process.ts";
import { brokerProperties, type Ports } from "./broker-properties.ts";
import { type Certificates, makeCertificates } from "./certificates.ts";
import { fetchJars } from "./jars.ts";

const HOST = "127.0.0.1";
const READY_MS_MAX = 120_000;
const POLL_MS = 50;
const END_MS_MAX = 15_000;

/** Of every SASL mechanism of the secured listener. */
export const SASL_USER = { username: "bridge", password: "bridge-secret" };

export interface BrokerOptions {
  /** Empty. */
  readonly folder: string;
  readonly port?: number;
  /** With listeners of their own for SASL over TLS and for client certificates. */
  readonly secured?: boolean;
  /** The broker whose cluster it is the second of. */
  readonly joins?: Pick<Broker, "cluster">;
}

export interface Secured {
  readonly sasl: string;
  readonly tls: string;
  readonly certificates: Certificates;
}

interface Cluster {
  readonly id: string;
  readonly controller: number;
}

export interface Broker extends AsyncDisposable {
  /** Host and port, without any security. */
  readonly address: string;
  readonly secured?: Secured;
  readonly cluster: Cluster;
  readonly pid: number;
  kill(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** On the same folder and ports, after it was killed. */
  start(): Promise<void>;
}

const listens = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, HOST, () => resolve(true));
    socket.on("connect", () => socket.destroy());
    socket.on("error", () => resolve(false));
  });

const format = async (classPath: string, properties: string, cluster: string): Promise<void> => {
  const { username, password } = SASL_USER;
  const users = ["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => [
    "--add-scram",
    `${mechanism}=[name=${username},password=${password}]`,
  ]);
  const tool = ["-cp", classPath, "kafka.tools.StorageTool", "format", "-c", properties, ...users];
  // Parsed as an option where it begins with a dash.
  await promisify(execFile)("java", [...tool, `--cluster-id=${cluster}`]);
};

class JavaBroker implements Broker {
  readonly address: string;
  readonly cluster: Cluster;
  readonly #command: readonly string[];
  readonly #port: number;
  #child: ChildProcess | undefined;
  #said = "";

  constructor(command: readonly string[], port: number, cluster: Cluster) {
    this.cluster = cluster;
    this.#command = command;
    this.#port = port;
    this.address = `${HOST}:${port}`;
    // Whoever started it may be told to end in ways that leave no time to wait.
    process.on("exit", () => this.#child?.kill("SIGKILL"));
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  async start(): Promise<void> {
    const child = spawn("java", this.#command, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const hear = (chunk: Buffer) => {
      this.#said = (this.#said + chunk.toString()).slice(-4_000);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const deadline = Date.now() + READY_MS_MAX;
    while (!(await listens(this.#port))) {
      if (child.exitCode !== null || Date.now() > deadline)
        throw new Error(`The broker did not start on ${this.address}. It said: ${this.#said}`);
      await sleep(POLL_MS);
    }
  }

  async kill(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, "close");
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
    await closed;
    clearTimeout(late);
  }

  /** Nobody needs what is on its folder. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.kill("SIGKILL");
  }
}

const newClusterId = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url");

export const startBroker = async ({
  folder,
  port,
  secured = false,
  joins,
}: BrokerOptions): Promise<Broker> => {
  const classPath = await fetchJars();
  // One after the other, the same port may be free again.
  const free = new Set<number>();
  while (free.size < 4) free.add(await freePort(HOST));
  const [plain = 0, another = 0, sasl = 0, tls = 0] = free;
  const cluster = joins?.cluster ?? { id: newClusterId(), controller: another };
  const { controller } = cluster;
  const ports: Ports = { plain: port ?? plain, controller, ...(secured ? { sasl, tls } : {}) };
  const certificates = secured ? await makeCertificates(folder) : undefined;
  const properties = join(folder, "server.properties");
  await writeFile(properties, brokerProperties(folder, ports, SASL_USER, joins !== undefined));
  await format(classPath, properties, cluster.id);
  const command = ["-Xmx512m", "-cp", classPath, "kafka.Kafka", properties];
  const broker = new JavaBroker(command, ports.plain, cluster);
  await broker.start();
  if (certificates === undefined) return broker;
  return Object.assign(broker, {
    secured: { sasl: `${HOST}:${ports.sasl}`, tls: `${HOST}:${ports.tls}`, certificates },
  });
};
