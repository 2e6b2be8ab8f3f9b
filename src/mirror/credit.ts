/** What a record takes of the bytes of credit: both ends count by this, on what is in the frame, so that it comes back. */

export interface Credited {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Of arrivals. */
  readonly headers?: readonly { readonly name: string; readonly value: Uint8Array }[];
}

export const creditOf = ({ key, value, headers = [] }: Credited): number =>
  headers.reduce(
    (sum, header) => sum + header.name.length + header.value.byteLength,
    key.byteLength + value.byteLength,
  );

export const creditOfAll = (records: readonly Credited[]): number =>
  records.reduce((sum, record) => sum + creditOf(record), 0);
