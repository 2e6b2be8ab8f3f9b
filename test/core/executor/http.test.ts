// Without this, a graph could reach what only the network of the deployment should, or be registered with a request that cannot be sent.
import { describe, expect, it } from "vitest";
import { hostsOf, refusalOf } from "../../../src/executor/http/address.ts";
import { readRetryAfter } from "../../../src/executor/http/retry-after.ts";
import { parseSettings } from "../../../src/executor/settings.ts";
import { httpSettings } from "../../../src/executor/tasks/http.ts";

const NAMED = hostsOf("Localhost:9000, 10.0.0.7\n metrics.internal");

const refusal = (url: string) => refusalOf(new URL(url), NAMED);

describe("a request may go to", () => {
  it.each([
    "https://example.com",
    "https://example.com:8443/a?b=c",
    "https://EXAMPLE.com",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
    "https://internal.example.com/",
    "https://localhost.example.com/",
    "http://localhost:9000/",
    "https://localhost:9000/",
    "http://10.0.0.7/",
    "http://10.0.0.7:8080/",
    "http://metrics.internal/",
  ])("%s", (url) => {
    expect(refusal(url)).toBeUndefined();
  });
});

describe("a request may not go to", () => {
  it.each([
    // In clear, or by another scheme.
    "http://example.com/",
    "http://8.8.8.8/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "data:text/plain,a",
    "ws://example.com/",
    // With a user or a password, also where it is named.
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "http://user@10.0.0.7/",
    // A named host at another port than the named one.
    "http://localhost:9001/",
    "http://localhost/",
    // Names inside a network.
    "https://localhost/",
    "https://LOCALHOST/",
    "https://a.localhost/",
    "https://localhost.localdomain/",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://wiki.intranet/",
    "https://router.lan/",
    "https://router.home.arpa/",
    "https://router/",
    "https://example.com./",
    "https://localhost./",
    "https://127.0.0.1./",
    // Loopback, in every spelling.
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.255.255.254/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://0.0.0.0/",
    "https://0/",
    "https://１２７.0.0.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::127.0.0.1]/",
    // Private, shared and link-local.
    "https://10.0.0.1/",
    "https://10.255.255.255/",
    "https://172.16.0.1/",
    "https://172.31.255.255/",
    "https://192.168.0.1/",
    "https://100.64.0.1/",
    "https://100.127.255.255/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://[fc00::1]/",
    "https://[fe80::1]/",
    "https://[64:ff9b::a00:1]/",
    "https://[2002:a00:1::]/",
    "https://[2001:0:1::]/",
    // What is no single host, or nobody's.
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    "https://240.0.0.1/",
    "https://192.0.2.1/",
    "https://198.18.0.1/",
    "https://203.0.113.9/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
  ])("%s", (url) => {
    expect(refusal(url)).toEqual(expect.any(String));
  });
});

describe("Retry-After", () => {
  const NOW = Date.UTC(2026, 0, 1);

  it.each<[string | null, number | undefined]>([
    ["0", 0],
    [" 120 ", 120_000],
    ["Thu, 01 Jan 2026 00:00:30 GMT", 30_000],
    ["Wed, 31 Dec 2025 23:59:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["2026-01-01", undefined],
    ["", undefined],
    [null, undefined],
  ])("of %j says %j", (value, ms) => {
    expect(readRetryAfter(value, NOW)).toBe(ms);
  });
});

describe("settings", () => {
  it("have defaults, and read the JSON that DOT has as text", () => {
    const raw = {
      url: "https://a.example/${input.id}",
      headers: '{"a": "b"}',
      method: "PUT",
      body: '{"a": [1]}',
    };
    expect(parseSettings(httpSettings, raw)).toEqual({
      ok: true,
      value: { ...raw, headers: { a: "b" }, body: { a: [1] }, bytes_max: 1024 * 1024 },
    });
  });

  it("are accepted as they were completed", () => {
    const once = parseSettings(httpSettings, { url: "https://a.example", expect: "Application/JSON" });
    expect(once.ok && parseSettings(httpSettings, once.value)).toEqual(once);
  });

  it.each([
    [{}, "setting url: expected string"],
    [{ url: "example.com" }, "setting url: begins with its whole origin"],
    [{ url: "https://${input.host}/" }, "setting url: begins with its whole origin"],
    [{ url: "https://a.example${input.path}" }, "setting url: begins with its whole origin"],
    [{ url: "https://user@${input}/" }, "setting url: begins with its whole origin"],
    [{ url: "https://a.example\\${input}/" }, "setting url: begins with its whole origin"],
    [{ url: "ftp://a.example/" }, "setting url: begins with its whole origin"],
    [{ url: "https://a.example/${input." }, "setting url: has a ${ at 19 without its }"],
    [{ headers: { "a b": "c" } }, 'setting headers: "a b" is no name of a header'],
    [{ headers: { Host: "c" } }, "setting headers: Host is set by the runtime"],
    [{ headers: { "Idempotency-Key": "c" } }, "setting headers: Idempotency-Key is set by the runtime"],
    [{ headers: { a: "${" } }, "setting headers: a has a ${"],
    [{ method: "POST", body: "text" }, "setting body: is an object or a list"],
    [{ method: "POST", body: { a: ["${1 +}"] } }, "setting body: has in ${1 +} no CEL expression"],
    [{ body: {} }, "setting body: a GET or a HEAD has no body"],
    [{ method: "TRACE" }, "setting method: "],
    [{ bytes_max: 1e9 }, "setting bytes_max: "],
  ])("%j are refused", (raw, error) => {
    const given =
      "url" in raw || error.startsWith("setting url") ? raw : { url: "https://a.example/", ...raw };
    const parsed = parseSettings(httpSettings, given);
    expect(parsed).toEqual({ ok: false, error: [expect.stringContaining(error)] });
  });
});
