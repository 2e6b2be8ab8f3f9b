// Without this, large results could pile up in the memory of the process that they pass through.
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "../../../workers/local/bundle.ts";
import { residentBytes } from "../../../workers/local/process.ts";
import { startLocal } from "../../../workers/local/runtime.ts";
import { sumOf } from "../../fixtures/payloads.ts";
import { KEYS } from "../../setup/keys.ts";
import { temporaryFolder } from "../launcher.ts";

const RESULT_BYTES = 50 * 1024 * 1024;
const TIMES = 10;
/** Until every part of the process has what it keeps: caches, pages of the heap, compiled code. */
const WARM_UP = 2;

const PASSING = `digraph passing {
  begin [type=plan kind=parallel]
  write [type=task kind=write_stream bytes=${RESULT_BYTES}]
  hand_on [type=plan kind=parallel]
  read [type=task kind=read_bytes]
  begin -> write -> hand_on -> read
}`;

test("results of 50 MiB pass from node to node in flat memory, and go with their tenant", async () => {
  await using data = await temporaryFolder();
  const config = resolve("wrangler.toml");
  const nodes = resolve(import.meta.dirname, "nodes.ts");
  const entry = await bundle(config, "workers/index.ts", join(data.path, "bundle"), { "#nodes": nodes });
  const local = await startLocal({ data: data.path, keys: JSON.stringify(KEYS), bundle: entry });
  try {
    const send = async (method: string, path: string, body?: object) => {
      const headers = { authorization: "Bearer admin-key", "content-type": "application/json" };
      const json = body && { body: JSON.stringify(body) };
      const response = await fetch(`${local.url}/v1/tenants/${path}`, { method, headers, ...json });
      return response.status === 204 ? undefined : await response.json();
    };
    const pass = async (tenant: string) => {
      await send("PUT", tenant);
      await send("POST", `${tenant}/graphs`, { dot: PASSING });
      const ended = await send("POST", `${tenant}/graphs/passing/lifetimes?wait=60s`, {});
      expect(ended).toMatchObject({ status: "SUCCEEDED", output: [{ result: sumOf(RESULT_BYTES) }] });
      // Else the disk would have them all at once.
      while ((await send("DELETE", tenant)) !== undefined);
    };
    const resident = () => Math.max(...local.pids().map(residentBytes));
    for (let n = 0; n < WARM_UP; n++) await pass(`warm-${n}`);
    const before = resident();
    let most = 0;
    for (let n = 0; n < TIMES; n++) {
      await pass(`large-${n}`);
      most = Math.max(most, resident());
    }
    const blobs = await local.miniflare.getR2Bucket("BLOBS");
    expect((await blobs.list()).objects).toEqual([]);
    // The heap of a process is not so still that less could be said for sure.
    expect(most - before).toBeLessThan(0.7 * TIMES * RESULT_BYTES);
  } finally {
    await local.stop();
  }
}, 180_000);
