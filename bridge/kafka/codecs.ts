/** How producers may have compressed what is read, beside gzip, which is all that kafkajs itself knows. */
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import kafkajs from "kafkajs";
import lz4 from "lz4js";
import snappy from "snappyjs";

interface Encoder {
  readonly buffer: Buffer;
}

const SNAPPY = 2;
const LZ4 = 3;
const ZSTD = 4;

/** How Java frames snappy: blocks, each after its length, behind a header. */
const XERIAL = Buffer.from([0x82, ...Buffer.from("SNAPPY"), 0]);
const XERIAL_HEADER_BYTES = 16;

export const unsnappy = (buffer: Buffer): Buffer => {
  if (!buffer.subarray(0, XERIAL.length).equals(XERIAL)) return Buffer.from(snappy.uncompress(buffer));
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < buffer.length; ) {
    const bytes = buffer.readInt32BE(at);
    at += 4;
    blocks.push(snappy.uncompress(buffer.subarray(at, at + bytes)));
    at += bytes;
  }
  return Buffer.concat(blocks);
};

const zstd = { compress: promisify(zstdCompress), decompress: promisify(zstdDecompress) };

export const installCodecs = (): void => {
  const { CompressionCodecs: codecs } = kafkajs;
  codecs[SNAPPY] = () => ({
    compress: async ({ buffer }: Encoder) => Buffer.from(snappy.compress(buffer)),
    decompress: async (buffer: Buffer) => unsnappy(buffer),
  });
  codecs[LZ4] = () => ({
    compress: async ({ buffer }: Encoder) => Buffer.from(lz4.compress(buffer)),
    decompress: async (buffer: Buffer) => Buffer.from(lz4.decompress(buffer)),
  });
  codecs[ZSTD] = () => ({
    compress: ({ buffer }: Encoder) => zstd.compress(buffer),
    decompress: (buffer: Buffer) => zstd.decompress(buffer),
  });
};
