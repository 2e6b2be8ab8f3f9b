// The other ceiling: the same batches over a bare WebSocket into an object that has them on disk before it answers.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chunkOf } from "../../../bridge/inbound/chunk.ts";
import { arrivalsFrame } from "../../../bridge/inbound/frame.ts";
import { MIRROR_CREDIT_BYTES } from "../../../src/limits.ts";
import { wireTopic } from "../../../src/mirror/frame.ts";
import { startLocal } from "../../../workers/local/runtime.ts";
import { executionRecord, PARTITIONS } from "./fill.ts";

const SAMPLE_RECORDS = 4_096;

/** As the bridge sends what it has fetched. */
const framesOf = () => {
  const all = Array.from({ length: SAMPLE_RECORDS }, (_, n) => ({
    ...executionRecord("bench", n),
    offset: n,
    timestamp: Date.now(),
    headers: [],
  }));
  const frames: { frame: Uint8Array; records: number }[] = [];
  for (let from = 0; from < all.length; ) {
    const { records } = chunkOf(all, from, all.length, MIRROR_CREDIT_BYTES);
    const topic = wireTopic("persisted-task-executions");
    const partition = frames.length % PARTITIONS;
    frames.push({
      frame: Uint8Array.from(arrivalsFrame(topic, partition, records)),
      records: records.length,
    });
    from += records.length;
  }
  return frames;
};

const send = (url: string, total: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const frames = framesOf();
    const socket = new WebSocket(url.replace("http", "ws"));
    let [next, sent, acknowledged, ahead] = [0, 0, 0, 0];
    const more = () => {
      for (; sent < total && ahead < MIRROR_CREDIT_BYTES; next++) {
        const { frame, records } = frames[next % frames.length] ?? { frame: new Uint8Array(), records: 0 };
        socket.send(frame);
        ahead += frame.byteLength;
        sent += records;
      }
    };
    socket.addEventListener("open", more);
    socket.addEventListener("message", ({ data }) => {
      ahead -= Number(data);
      if (++acknowledged === next && sent >= total) {
        socket.close();
        resolve();
      } else more();
    });
    socket.addEventListener("close", () => reject(new Error("closed before all was acknowledged")));
    socket.addEventListener("error", () => reject(new Error("the floor is not reached")));
  });

/** Records a second, on data of its own: a row for each batch, or for each so many bytes of it. */
export const appendCeiling = async (total: number, rowBytes?: number): Promise<number> => {
  const data = await mkdtemp(join(tmpdir(), "escapement-bench-"));
  const local = await startLocal({ data, config: "test/bench/floor/wrangler.toml" });
  try {
    const began = performance.now();
    await send(`${local.url}/append?tenant=bench${rowBytes ? `&row=${rowBytes}` : ""}`, total);
    return (total * 1_000) / (performance.now() - began);
  } finally {
    await local.stop();
    await rm(data, { recursive: true, force: true });
  }
};
