/**
 * Signatures by which what was made here is known again, without anything being stored. What is signed is readable,
 * not secret; whoever changes the secret takes all of it back.
 */
import { base64Encode } from "@bufbuild/protobuf/wire";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";

/** `purpose` keeps what is signed for one thing from counting as a signature for another. */
export const signatureOf = (secret: string, purpose: string, text: string): string =>
  base64Encode(hmac(sha256, utf8ToBytes(`${purpose}\n${secret}`), utf8ToBytes(text)), "url");

/** Takes as long whatever differs. */
export const isSignature = (given: string, secret: string, purpose: string, text: string): boolean => {
  const expected = signatureOf(secret, purpose, text);
  let differs = given.length === expected.length ? 0 : 1;
  for (let i = 0; i < expected.length; i++) differs |= expected.charCodeAt(i) ^ (given.charCodeAt(i) || 0);
  return differs === 0;
};
