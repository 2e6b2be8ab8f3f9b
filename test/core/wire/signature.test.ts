// Without this, what was signed for one thing could pass for another, or links that people have could stop to work.
import { createHash, createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { isSignature, signatureOf } from "../../../src/wire/signature.ts";

const SECRET = JSON.stringify([{ name: "ci", key: "0123456789", roles: ["admin"] }]);
const PURPOSE = "escapement approval link";
const SIGNATURE = signatureOf(SECRET, PURPOSE, "some text");

test("a signature is HMAC-SHA-256 under the digest of its purpose and the secret", () => {
  const key = createHash("sha256").update(`${PURPOSE}\n${SECRET}`).digest();
  expect(SIGNATURE).toBe(createHmac("sha256", key).update("some text").digest("base64url"));
});

test.each([
  ["as it was made", SIGNATURE, SECRET, PURPOSE, "some text", true],
  ["with another secret", SIGNATURE, `${SECRET} `, PURPOSE, "some text", false],
  ["for another purpose", SIGNATURE, SECRET, "another", "some text", false],
  ["of another text", SIGNATURE, SECRET, PURPOSE, "some text ", false],
  ["cut short", SIGNATURE.slice(0, -1), SECRET, PURPOSE, "some text", false],
  ["with more behind it", `${SIGNATURE}A`, SECRET, PURPOSE, "some text", false],
  ["that is empty", "", SECRET, PURPOSE, "some text", false],
])("a signature %s", (_, given, secret, purpose, text, counts) => {
  expect(isSignature(given, secret, purpose, text)).toBe(counts);
});
