// Without this, `npm start` could leave workerd behind, show its key, or let two runtimes write one folder.
import { execFile } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commandOf, freePort } from "../../workers/local/process.ts";
import { ended, launch, temporaryFolder } from "./launcher.ts";

const holderOf = (data: string): { launcher: number; workerd: number[] } =>
  JSON.parse(readFileSync(join(data, "process.json"), "utf8"));

const isWorkerd = (pid: number) => commandOf(pid).includes("workerd serve");

const tenants = (url: string, key: string) =>
  fetch(`${url}/v1/tenants`, { headers: { authorization: `Bearer ${key}` } });

describe("npm start", { timeout: 120_000 }, () => {
  test("answers on loopback, and ends with 0 and without workerd when it is told to", async () => {
    await using data = await temporaryFolder();
    await using runtime = await launch(data.path, await freePort("127.0.0.1"));
    expect(runtime.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await tenants(runtime.url, "admin-key")).status).toBe(200);
    const { workerd } = holderOf(data.path);
    expect(workerd.map(isWorkerd)).toEqual([true]);
    runtime.process.kill("SIGTERM");
    expect(await ended(runtime.process)).toBe(0);
    await expect.poll(() => workerd.map(isWorkerd), { timeout: 10_000 }).toEqual([false]);
  });

  test("keeps what it was told over a restart", async () => {
    await using data = await temporaryFolder();
    const port = await freePort("127.0.0.1");
    const headers = { authorization: "Bearer admin-key" };
    {
      await using runtime = await launch(data.path, port);
      await fetch(`${runtime.url}/v1/tenants/kept`, { method: "PUT", headers });
    }
    await using runtime = await launch(data.path, port);
    expect((await fetch(`${runtime.url}/v1/tenants/kept`, { headers })).status).toBe(200);
  });

  test("draws a key at the first start, which only its owner can read, and does not show it", async () => {
    await using data = await temporaryFolder();
    await using runtime = await launch(data.path, await freePort("127.0.0.1"), "");
    const path = join(data.path, "keys.json");
    const [{ key }] = JSON.parse(readFileSync(path, "utf8"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(runtime.output()).toContain(path);
    expect(runtime.output()).not.toContain(key);
    expect((await tenants(runtime.url, key)).status).toBe(200);
  });

  test("refuses a folder that another has", async () => {
    await using data = await temporaryFolder();
    await using runtime = await launch(data.path, await freePort("127.0.0.1"));
    const second = launch(data.path, await freePort("127.0.0.1"));
    await expect(second).rejects.toThrow(`in use by process ${runtime.process.pid}`);
  });

  test("ends what a launcher that was killed left behind, and takes over its folder and port", async () => {
    await using data = await temporaryFolder();
    const port = await freePort("127.0.0.1");
    const first = await launch(data.path, port);
    const { workerd } = holderOf(data.path);
    first.process.kill("SIGKILL");
    await ended(first.process);
    await using second = await launch(data.path, port);
    expect(workerd.map(isWorkerd)).toEqual([false]);
    expect((await tenants(second.url, "admin-key")).status).toBe(200);
  });

  test.for([
    [["--port", "x"], "--port takes a number"],
    [["--colour"], "--colour"],
  ] as const)("says how it is used when it is given %o", async ([args, said]) => {
    const { promise, resolve } = Promise.withResolvers<{ code: unknown; stderr: string }>();
    execFile(process.execPath, ["workers/local/start.ts", ...args], (error, _, stderr) =>
      resolve({ code: error?.code, stderr }),
    );
    const { code, stderr } = await promise;
    expect(code).toBe(2);
    expect(stderr).toContain(said);
    expect(stderr).toContain("Usage:");
  });
});
