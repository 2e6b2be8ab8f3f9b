/**
 * Links that stand for one person's answer to one approval, for a while. Signed with a key that is made from the
 * secret ESCAPEMENT_KEYS: whoever changes that secret takes all links back. What is signed is readable, not secret.
 */
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { z } from "zod";

export interface Link {
  readonly tenant: string;
  readonly approval: string;
  /** Who answers by it. */
  readonly who: string;
  /** The name of the key that it was made with. */
  readonly from: string;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

const payload = z.tuple([z.string(), z.string(), z.string(), z.string(), z.int()]);

const HMAC = { name: "HMAC", hash: "SHA-256" } as const;
/** So that nothing else that is ever made from the same secret is a link. */
const PURPOSE = "escapement approval link\n";
const TOKEN_CHARS_MAX = 4_096;

const utf8 = new TextEncoder();

let latest: { readonly from: string | undefined; readonly key: Promise<CryptoKey> } | undefined;

/** Made once an isolate, and again only when the secret is another. */
const keyOf = (secret: string | undefined): Promise<CryptoKey> => {
  if (latest === undefined || latest.from !== secret) latest = { from: secret, key: makeKey(secret) };
  return latest.key;
};

const makeKey = async (secret: string | undefined): Promise<CryptoKey> => {
  if (!secret) throw new Error("without the secret ESCAPEMENT_KEYS there is nothing to sign with");
  const digest = await crypto.subtle.digest("SHA-256", utf8.encode(PURPOSE + secret));
  return crypto.subtle.importKey("raw", digest, HMAC, false, ["sign", "verify"]);
};

export const linkToken = async (
  secret: string | undefined,
  { tenant, approval, who, from, expires }: Link,
): Promise<string> => {
  const signed = base64Encode(utf8.encode(JSON.stringify([tenant, approval, who, from, expires])), "url");
  const signature = await crypto.subtle.sign(HMAC.name, await keyOf(secret), utf8.encode(signed));
  return `${signed}.${base64Encode(new Uint8Array(signature), "url")}`;
};

/** Undefined for whatever was not signed here. Whether it has expired is for the caller. */
export const readLink = async (secret: string | undefined, token: string): Promise<Link | undefined> => {
  const [signed = "", signature = "", ...more] = token.split(".");
  if (token.length > TOKEN_CHARS_MAX || more.length > 0) return undefined;
  const bytes = decoded(signature);
  if (bytes === undefined) return undefined;
  const key = await keyOf(secret);
  if (!(await crypto.subtle.verify(HMAC.name, key, bytes, utf8.encode(signed)))) return undefined;
  const [tenant, approval, who, from, expires] = payload.parse(
    JSON.parse(new TextDecoder().decode(decoded(signed))),
  );
  return { tenant, approval, who, from, expires };
};

const decoded = (text: string): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return new Uint8Array(base64Decode(text));
  } catch {
    return undefined;
  }
};
