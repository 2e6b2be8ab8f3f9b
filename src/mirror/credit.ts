/** What a record takes of the bytes of credit: both ends count by this, on what is in the frame, so that it comes back. */
import { MIRROR_HEADER_BYTES, MIRROR_RECORD_BYTES } from "../limits.ts";

export interface Credited {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Of arrivals. */
  readonly headers?: readonly { readonly name: string; readonly value: Uint8Array }[];
}

export const creditOf = ({ key, value, headers = [] }: Credited): number =>
  MIRROR_RECORD_BYTES + key.byteLength + value.byteLength + labelBytes(headers);

export const creditOfAll = (records: readonly Credited[]): number =>
  records.reduce((sum, record) => sum + creditOf(record), 0);

export const labelBytes = (headers: NonNullable<Credited["headers"]>): number =>
  headers.reduce((sum, { name, value }) => sum + MIRROR_HEADER_BYTES + name.length + value.byteLength, 0);
