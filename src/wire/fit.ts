/**
 * The task executions that one input carries, within its bound: where they are too large together, the
 * largest results are referred to. The same executions give the same references, whoever asks and whenever;
 * nothing is copied for them, and no more than the bound is held at a time.
 */
import { RESULTS_BYTES_MAX } from "../limits.ts";
import { refer } from "./reference.ts";

/** `messageAt` gives the encoded execution at an offset, and may be asked for one more than once. */
export const fitted = (
  offsets: readonly number[],
  messageAt: (offset: number) => Uint8Array,
): readonly Uint8Array[] => {
  const messages: Uint8Array[] = [];
  let bytes = 0;
  for (const offset of offsets) {
    const message = messageAt(offset);
    bytes += message.byteLength;
    if (bytes > RESULTS_BYTES_MAX) return referLargest(offsets, messageAt);
    messages.push(message);
  }
  return messages;
};

const referLargest = (
  offsets: readonly number[],
  messageAt: (offset: number) => Uint8Array,
): readonly Uint8Array[] => {
  const sizes = offsets.map((offset) => ({ offset, bytes: messageAt(offset).byteLength }));
  let sum = sizes.reduce((total, { bytes }) => total + bytes, 0);
  const referred = new Map<number, Uint8Array>();
  for (const { offset, bytes } of sizes.sort((a, b) => b.bytes - a.bytes)) {
    if (sum <= RESULTS_BYTES_MAX) break;
    const message = refer(messageAt(offset), offset);
    sum += message.byteLength - bytes;
    referred.set(offset, message);
  }
  return offsets.map((offset) => referred.get(offset) ?? messageAt(offset));
};
