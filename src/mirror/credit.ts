/** What a record takes of the bytes of credit: both ends count by this, on what is in the frame, so that it comes back. */
import { MIRROR_HEADER_BYTES, MIRROR_RECORD_BYTES } from "../limits.ts";

export interface Credited {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Of arrivals. */
  readonly headers?: readonly { readonly name: string; readonly value: Uint8Array }[];
}

/** By the bytes of its key and value, and by what its headers take. */
export const creditOfSizes = (key: number, value: number, labels: number): number =>
  MIRROR_RECORD_BYTES + key + value + labels;

export const creditOf = ({ key, value, headers = [] }: Credited): number =>
  creditOfSizes(key.byteLength, value.byteLength, labelBytes(headers));

export const creditOfAll = (records: readonly Credited[]): number =>
  records.reduce((sum, record) => sum + creditOf(record), 0);

type Label = NonNullable<Credited["headers"]>[number];

export const creditOfLabel = ({ name, value }: Label): number =>
  MIRROR_HEADER_BYTES + name.length + value.byteLength;

export const labelBytes = (headers: readonly Label[]): number =>
  headers.reduce((sum, header) => sum + creditOfLabel(header), 0);
