// Without this, a link could act by being looked at, work twice or for others, or run what came from outside.
import { beforeAll, describe, expect, test } from "vitest";
import { as, begin, end, provision } from "./asking.ts";
import { send } from "./client.ts";

beforeAll(provision);

describe("a link", () => {
  const linkTo = async (approval: string, json: object) => {
    const { status, body } = await send("POST", `${approval}:link`, { json });
    expect(status).toBe(200);
    return new URL(body.url).pathname;
  };
  const page = (path: string) => send("GET", path, { key: undefined });
  const follow = (path: string, fields: Record<string, string>) =>
    send("POST", path, { key: undefined, body: new URLSearchParams(fields) });

  test("shows what is asked without acting, with nothing that could run, and escapes what came from outside", async () => {
    const { approval } = await begin("review", { text: "<script>alert(1)</script>", by: "eve" });
    const path = await linkTo(approval, { who: "reader", ttl: "1h" });
    for (const _ of [1, 2]) {
      const { status, headers, body } = await page(path);
      expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
      expect(headers.get("content-security-policy")).toMatch(
        /^default-src 'none'; style-src 'nonce-[^']+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
      );
      expect(headers.get("referrer-policy")).toBe("no-referrer");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(body).toContain("Publish &lt;script&gt;alert(1)&lt;/script&gt;?");
      expect(body).not.toContain("<script");
      expect(body).toMatch(
        /<html lang="en">.*<label for="comment">.*<button name="verdict" value="approve">/s,
      );
    }
    expect((await send("GET", approval)).body).toMatchObject({ status: "OPEN", votes: [] });
  });

  test("answers once, as the person that it was made for, and says so when it is used again", async () => {
    const { lifetime, approval } = await begin("review");
    const path = await linkTo(approval, { who: "reader" });
    const wrong = await follow(path, { verdict: "approve", value: '{"text": 1}', comment: "mine" });
    expect(wrong.status).toBe(422);
    expect(wrong.body).toMatch(/role="alert".*does not take this answer.*mine/s);
    expect((await follow(path, { verdict: "perhaps" })).status).toBe(422);
    const used = await follow(path, { verdict: "approve", value: '{"text": "x"}', comment: "fine" });
    expect([used.status, used.body]).toEqual([200, expect.stringContaining("Your answer counts")]);
    expect(await end(lifetime)).toMatchObject({ output: [{ result: [{ text: "x" }] }] });
    expect((await send("GET", approval)).body).toMatchObject({
      votes: [{ by: "reader", via: "link from admin", comment: "fine" }],
    });
    for (const again of [await follow(path, { verdict: "reject" }), await page(path)]) {
      expect(again.status).toBe(409);
      expect(again.body).toContain("it is APPROVED by reader since");
    }
  });

  test("has one voice of a quorum, which a delegation gave it", async () => {
    const { lifetime, approval } = await begin("committee");
    expect(await send("POST", `${approval}:link`, { json: { who: "cleo" } })).toMatchObject({
      status: 403,
      body: { code: "forbidden" },
    });
    await as("admin-key", `${approval}:delegate`, { to: "cleo" });
    const path = await linkTo(approval, { who: "cleo" });
    expect((await follow(path, { verdict: "approve" })).body).toContain("1 of 2 needed have agreed so far");
    const again = await follow(path, { verdict: "approve" });
    expect([again.status, again.body]).toEqual([409, expect.stringContaining("cleo has answered already")]);
    expect((await page(path)).status).toBe(409);
    await as("operator-key", `${approval}:approve`);
    expect(await end(lifetime)).toMatchObject({ status: "SUCCEEDED" });
  });

  test("that has expired, was changed, or is of another secret is refused and tells nothing", async () => {
    const { approval } = await begin("review");
    const brief = await linkTo(approval, { who: "reader", ttl: 1 });
    await expect.poll(async () => (await page(brief)).status).toBe(410);
    expect((await follow(brief, { verdict: "reject" })).status).toBe(410);
    const path = await linkTo(approval, { who: "reader" });
    const [signed = "", signature = ""] = path.slice("/links/".length).split(".");
    const payload = JSON.parse(atob(signed.replaceAll("-", "+").replaceAll("_", "/")));
    payload[2] = "operator";
    const forged = btoa(JSON.stringify(payload))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replaceAll("=", "");
    for (const token of [`${forged}.${signature}`, signed, `${signed}.`, `${signed}.AAAA`, "x.y.z"]) {
      const refused = await follow(`/links/${token}`, { verdict: "reject" });
      expect(refused.status).toBe(404);
      expect(refused.body).not.toContain("Publish");
    }
    expect((await send("GET", approval)).body.status).toBe("OPEN");
  });

  test("is made with an admin's key, for whose answer would count, and for a week at the most", async () => {
    const { approval } = await begin("review");
    const refused = async (key: string, json: object) =>
      (await send("POST", `${approval}:link`, { key, json })).status;
    expect(await refused("operator-key", { who: "reader" })).toBe(403);
    expect(await refused("admin-key", { who: "mallory" })).toBe(403);
    expect(await refused("admin-key", { who: "reader", ttl: "8d" })).toBe(400);
    await as("reader-key", `${approval}:reject`);
    expect(await refused("admin-key", { who: "operator" })).toBe(409);
  });
});
