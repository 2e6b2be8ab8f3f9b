/** What a refusal is called where people read it. */
import { RefusalCode } from "../../src/wire/gen/escapement/bridge/v1/frame_pb.ts";

const NAMES = new Map<number, string>(
  Object.entries(RefusalCode).map(([name, code]) => [code, name.toLowerCase()]),
);

export const refusalName = (code: number): string => NAMES.get(code) ?? `unknown (${code})`;
