/** What every section of the bench needs: a runtime, a broker, and a bridge whose memory and counts are looked at. */
import { type Kafka, kafkaClient } from "../../../bridge/kafka/client.ts";
import { type RunningBridge, type Runtime, startBridge } from "../../bridge/lab.ts";
import { askOf } from "../../local/ask.ts";
import { counted } from "./exposition.ts";

export interface Lab {
  readonly runtime: Runtime;
  readonly brokers: string;
  readonly runs: number;
}

export type Ask = ReturnType<typeof askOf>;

/** A tenant of its own for each measurement. */
export const newTenant = (lab: Lab, name: string): { tenant: string; ask: Ask } => {
  const tenant = `${name}-${Date.now().toString(36)}`;
  return { tenant, ask: askOf(lab.runtime.local, tenant) };
};

export const kafkaOf = ({ brokers }: Lab): Kafka => kafkaClient({ brokers: brokers.split(",") }, () => {});

export interface WatchedBridge extends RunningBridge {
  metrics(): Promise<string>;
  /** Of its process, as seen whenever its metrics were. */
  peakBytes(): number;
}

export const watchedBridge = async (lab: Lab, tenant: string): Promise<WatchedBridge> => {
  const bridge = await startBridge(lab.runtime, tenant, { KAFKA_BROKERS: lab.brokers });
  let peak = 0;
  const metrics = async () => {
    const text = await (await fetch(`${bridge.url}/metrics`)).text();
    peak = Math.max(peak, counted(text, "escapement_bridge_memory_bytes"));
    return text;
  };
  return Object.assign(bridge, { metrics, peakBytes: () => peak });
};

export const mebibytes = (bytes: number): string => `${bytes >> 20} MiB`;
