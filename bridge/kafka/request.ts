/**
 * The header of a request before its body, in the buffer of the body where that has room for it: kafkajs copies the body
 * behind the header, and all of it again behind its length, into buffers that it clears first.
 */
import Encoder, { type Encoded } from "kafkajs/src/protocol/encoder.js";

/** Of the header: number, version, correlation, the client's name; and the length before it. */
export const ROOM_BYTES = 64;

/** Begins so many bytes behind the beginning of its memory, which are free. */
export class RoomyBody implements Encoded {
  readonly buffer: Buffer;

  constructor(buffer: Buffer) {
    this.buffer = buffer;
  }

  get buf(): Buffer {
    return this.buffer;
  }
}

/** By what is written so far: what of its room is left. */
const roomBefore = new WeakMap<Encoded, number>();

export const installRequest = (): void => {
  const writeEncoder = Encoder.prototype.writeEncoder;
  Encoder.prototype.writeEncoder = function (body: Encoded) {
    const room = body instanceof RoomyBody ? ROOM_BYTES : (roomBefore.get(body) ?? 0);
    if (room < this.offset) return writeEncoder.call(this, body);
    const { buffer: memory, byteOffset, length } = body.buffer;
    const whole = Buffer.from(memory, byteOffset - this.offset, this.offset + length);
    this.buf.copy(whole, 0, 0, this.offset);
    roomBefore.set(this, room - this.offset);
    this.buf = whole;
    this.offset = whole.length;
    return this;
  };
};
