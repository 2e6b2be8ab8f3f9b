/** Tokens of links that stand for one person's answer to one approval, for a while; signed by ESCAPEMENT_KEYS. */
import { base64Decode, base64Encode } from "@bufbuild/protobuf/wire";
import { z } from "zod";
import { isSignature, signatureOf } from "../../src/wire/signature.ts";

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

const PURPOSE = "escapement approval link";
const TOKEN_CHARS_MAX = 4_096;

const present = (secret: string | undefined): string => {
  if (!secret) throw new Error("without the secret ESCAPEMENT_KEYS there is nothing to sign with");
  return secret;
};

export const linkToken = (
  secret: string | undefined,
  { tenant, approval, who, from, expires }: Link,
): string => {
  const json = JSON.stringify([tenant, approval, who, from, expires]);
  const signed = base64Encode(new TextEncoder().encode(json), "url");
  return `${signed}.${signatureOf(present(secret), PURPOSE, signed)}`;
};

/** Undefined for whatever was not signed here. Whether it has expired is for the caller. */
export const readLink = (secret: string | undefined, token: string): Link | undefined => {
  const [signed = "", signature = "", ...more] = token.split(".");
  if (token.length > TOKEN_CHARS_MAX || more.length > 0) return undefined;
  if (!isSignature(signature, present(secret), PURPOSE, signed)) return undefined;
  const json = new TextDecoder().decode(base64Decode(signed));
  const [tenant, approval, who, from, expires] = payload.parse(JSON.parse(json));
  return { tenant, approval, who, from, expires };
};
