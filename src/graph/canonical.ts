/**
 * The content address of a graph: canonical JSON (keys in code-unit order, no white space) of its complete
 * document, hashed. Order of nodes and edges counts, because routing keeps it.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { documentOf } from "./document.ts";
import type { Graph } from "./graph.ts";

/** Recurses, so its depth has to be bounded before; validation bounds the depth of settings. */
export const canonicalJson = (value: JsonValue): string => {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
  return `{${members.join(",")}}`;
};

/** SHA-256, hex. The same for every way of writing the same graph. */
export const hashGraph = (graph: Graph): string =>
  bytesToHex(sha256(utf8ToBytes(canonicalJson(documentOf(graph)))));
