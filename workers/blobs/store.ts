/**
 * Bytes, as they come, → one blob. However many they are, one part of them is in memory at a time; what does
 * not become whole leaves nothing behind.
 */

/** The smallest part that R2 takes; all but the last have to be of one size. */
const PART_BYTES = 5 * 1024 * 1024;

export type Chunks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** More came than may be kept. */
export class BlobTooLarge extends Error {}
/** R2 said no, or nothing. */
export class BlobUnavailable extends Error {}

const asked = async <T>(answer: Promise<T>): Promise<T> => {
  try {
    return await answer;
  } catch (cause) {
    throw new BlobUnavailable(`the store of blobs does not answer: ${(cause as Error).message}`, { cause });
  }
};

class Upload {
  readonly #bucket: R2Bucket;
  readonly #key: string;
  readonly #options: { readonly httpMetadata: R2HTTPMetadata };
  #pieces: Uint8Array[] = [];
  #filled = 0;
  #multipart: R2MultipartUpload | undefined;
  readonly #parts: R2UploadedPart[] = [];

  constructor(bucket: R2Bucket, key: string, type: string) {
    this.#bucket = bucket;
    this.#key = key;
    this.#options = { httpMetadata: { contentType: type } };
  }

  async add(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.byteLength; ) {
      if (this.#filled === PART_BYTES) await this.#uploadPart();
      const piece = chunk.subarray(from, from + PART_BYTES - this.#filled);
      this.#pieces.push(piece);
      this.#filled += piece.byteLength;
      from += piece.byteLength;
    }
  }

  async end(): Promise<void> {
    if (this.#multipart === undefined) {
      await asked(this.#bucket.put(this.#key, this.#take(), this.#options));
      return;
    }
    await this.#uploadPart();
    await asked(this.#multipart.complete(this.#parts));
  }

  async abort(): Promise<void> {
    // R2 drops by itself what was never completed.
    await this.#multipart?.abort().catch(() => {});
  }

  async #uploadPart(): Promise<void> {
    this.#multipart ??= await asked(this.#bucket.createMultipartUpload(this.#key, this.#options));
    this.#parts.push(await asked(this.#multipart.uploadPart(this.#parts.length + 1, this.#take())));
  }

  #take(): Uint8Array {
    const [only] = this.#pieces;
    const whole = only && this.#pieces.length === 1 ? only : new Uint8Array(this.#filled);
    if (whole !== only) {
      let at = 0;
      for (const piece of this.#pieces) {
        whole.set(piece, at);
        at += piece.byteLength;
      }
    }
    this.#pieces = [];
    this.#filled = 0;
    return whole;
  }
}

const unwanted = () => new Error("nobody waits for it any more");

/** Answers the size. Asks between chunks, and when it is whole, whether it is still wanted. Throws BlobTooLarge, BlobUnavailable, and what the chunks throw. */
export const storeBlob = async (
  bucket: R2Bucket,
  key: string,
  {
    type,
    bytesMax,
    isWanted = () => true,
  }: { readonly type: string; readonly bytesMax: number; readonly isWanted?: () => boolean },
  chunks: Chunks,
): Promise<number> => {
  const upload = new Upload(bucket, key, type);
  let bytes = 0;
  try {
    // Leaving the loop cancels what is left of a stream.
    for await (const chunk of chunks) {
      if (!(chunk instanceof Uint8Array)) throw new TypeError("a stream of a payload holds Uint8Arrays");
      bytes += chunk.byteLength;
      if (!isWanted()) throw unwanted();
      if (bytes > bytesMax) throw new BlobTooLarge(`more than ${bytesMax} bytes`);
      await upload.add(chunk);
    }
    await upload.end();
    if (!isWanted()) {
      await asked(bucket.delete(key));
      throw unwanted();
    }
    return bytes;
  } catch (thrown) {
    await upload.abort();
    throw thrown;
  }
};
