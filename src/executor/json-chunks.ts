/** JSON as UTF-8, made piece by piece as it is asked for, so that a large value is never there twice. */
import type { JsonValue } from "@bufbuild/protobuf";

const CHUNK_CHARS = 64 * 1024;

export function* jsonChunks(json: JsonValue): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let text = "";
  for (const piece of pieces(json)) {
    text += piece;
    if (text.length < CHUNK_CHARS) continue;
    yield encoder.encode(text);
    text = "";
  }
  if (text !== "") yield encoder.encode(text);
}

function* pieces(json: JsonValue): Generator<string> {
  if (typeof json === "string" && json.length > CHUNK_CHARS) yield* piecesOfText(json);
  else if (typeof json !== "object" || json === null) yield JSON.stringify(json);
  else if (Array.isArray(json)) {
    let before = "[";
    for (const each of json) {
      yield before;
      yield* pieces(each);
      before = ",";
    }
    yield before === "[" ? "[]" : "]";
  } else {
    let before = "{";
    for (const [key, each] of Object.entries(json)) {
      yield `${before}${JSON.stringify(key)}:`;
      yield* pieces(each);
      before = ",";
    }
    yield before === "{" ? "{}" : "}";
  }
}

/** Never cut inside a surrogate pair: half of one would be escaped, and read back as text of its own. */
function* piecesOfText(text: string): Generator<string> {
  yield '"';
  for (let from = 0, to = 0; from < text.length; from = to) {
    to = Math.min(from + CHUNK_CHARS, text.length);
    if (to < text.length && isHighSurrogate(text.charCodeAt(to - 1))) to--;
    yield JSON.stringify(text.slice(from, to)).slice(1, -1);
  }
  yield '"';
}

const isHighSurrogate = (unit: number): boolean => unit >= 0xd800 && unit < 0xdc00;
