/**
 * Where a payload is kept that does not travel inside its message, as the address at which the gateway serves
 * it: a blob, or a result that lies in the log already. What is not of this form, or of another tenant, is
 * not ours to read.
 */
import { create } from "@bufbuild/protobuf";
import { decodeTaskExecution, type Execution, encodeExecution, isPlan } from "./codec.ts";
import { type StoredData, StoredDataSchema } from "./gen/escapement/v1/execution_pb.ts";
import { isJsonUrl } from "./payload.ts";

export type Reference =
  | { readonly in: "blobs"; readonly key: string }
  /** The result of the task execution at this offset. */
  | { readonly in: "log"; readonly offset: number };

export const JSON_TYPE = "application/json";
export const BYTES_TYPE = "application/octet-stream";

/** All blobs of a tenant, of every generation. */
export const tenantPrefix = (tenant: string): string => `${tenant}/`;

/** Keys of blobs begin with whom they go with: nothing of an older generation is found in a newer one. */
export const lifetimePrefix = (tenant: string, generation: number, lifetime: string): string =>
  `${tenantPrefix(tenant)}${generation}/${encodeURIComponent(lifetime)}/`;

/** Of the query of an address that is signed. */
export const EXPIRES = "expires";
export const SIGNATURE = "signature";

const ROOT = "/v1/tenants/";
const BLOBS = "/blobs/";

/** `bytes` is its size. */
export const blobAt = (tenant: string, key: string, type: string, bytes: number): StoredData =>
  create(StoredDataSchema, {
    uri: `${ROOT}${tenant}${BLOBS}${key.slice(tenantPrefix(tenant).length)}`,
    metadata: { content_type: type, bytes: String(bytes) },
  });

/** What was signed here for who has no key, wherever it was said to be fetched. */
const SIGNED = new RegExp(`^https?://[^?#]+?(${ROOT}[^?#]+)\\?${EXPIRES}=\\d+&${SIGNATURE}=[\\w-]+$`);

/** Without what it was signed with, and where it is fetched. */
export const pathOf = (uri: string): string => SIGNED.exec(uri)?.[1] ?? uri.split("?", 1)[0] ?? "";

/** Undefined for what this tenant has no business with. */
export const referenceOf = ({ uri, metadata }: StoredData, tenant: string): Reference | undefined => {
  const root = `${ROOT}${tenant}`;
  const path = pathOf(uri);
  if (path.startsWith(`${root}${BLOBS}`))
    return { in: "blobs", key: tenantPrefix(tenant) + path.slice(root.length + BLOBS.length) };
  const offset = Number(metadata.offset);
  if (path.startsWith(`${root}/executions/`) && Number.isSafeInteger(offset) && offset > 0)
    return { in: "log", offset };
  return undefined;
};

export const isJsonType = (type: string): boolean => type.split(";", 1)[0]?.trim() === JSON_TYPE;

/** What it says of itself; a foreign producer may say nothing, or anything. */
export const contentTypeOf = ({ metadata }: StoredData): string => metadata.content_type || BYTES_TYPE;

export const bytesOf = ({ metadata }: StoredData): number => {
  const bytes = Number(metadata.bytes);
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0;
};

/** The task execution at an offset with its result referred to; as it is where that would save nothing. */
export const refer = (message: Uint8Array, offset: number): Uint8Array => {
  const decoded = decodeTaskExecution(message);
  if (!decoded.ok) throw new Error(`the log holds what is ${decoded.error}`);
  const { header, result } = decoded.value;
  if (result?.data.case !== "inlineData") return message;
  const { typeUrl, value } = result.data.value;
  const stored = create(StoredDataSchema, {
    uri: `${ROOT}${header?.tenantId}/executions/${encodeURIComponent(header?.execId ?? "")}/result`,
    metadata: {
      content_type: isJsonUrl(typeUrl) ? JSON_TYPE : BYTES_TYPE,
      bytes: String(value.byteLength),
      offset: String(offset),
    },
  });
  result.data = { case: "externalData", value: stored };
  const referring = encodeExecution(decoded.value);
  return referring.byteLength < message.byteLength ? referring : message;
};

/** All that a reference has besides two names: its path, its metadata, and what frames them. */
const FRAME_BYTES = 160;
/** An id may have to be escaped, three characters for each byte of up to three a character. */
const ESCAPED = 9;

/** An upper bound of what an execution takes in an input that refers to its result. */
export const leastBytes = (execution: Execution, bytes: number): number => {
  if (isPlan(execution)) return bytes;
  const { header, result } = execution;
  if (result?.data.case !== "inlineData") return bytes;
  const reference = FRAME_BYTES + (header?.tenantId.length ?? 0) + escapedBytesMax(header?.execId ?? "");
  return Math.min(bytes, bytes - result.data.value.value.byteLength + reference);
};

const PLAIN = /^[\w.-]*$/;

const escapedBytesMax = (id: string): number => (PLAIN.test(id) ? id.length : id.length * ESCAPED);
