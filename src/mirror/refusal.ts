/** Why a frame of a bridge is not followed, and what that is called. What is said of the connection itself also ends it. */
import { RefusalCode } from "../wire/gen/escapement/bridge/v1/frame_pb.ts";

export interface Refused {
  readonly code: RefusalCode;
  /** A sentence that says what to do. */
  readonly detail: string;
}

export const refused = (code: RefusalCode, detail: string): Refused => ({ code, detail });

const FATAL: readonly RefusalCode[] = [
  RefusalCode.PROTOCOL_VERSION,
  RefusalCode.WRONG_DEPLOYMENT,
  RefusalCode.MALFORMED,
];

export const isFatal = ({ code }: Refused): boolean => FATAL.includes(code);

const NAMES = new Map<number, string>(
  Object.entries(RefusalCode).map(([name, code]) => [code, name.toLowerCase()]),
);

export const refusalName = (code: number): string => NAMES.get(code) ?? `unknown (${code})`;
