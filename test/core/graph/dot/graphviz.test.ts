// Without this a DOT text could mean something else here than it means to GraphViz.
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { arbitraryMistake, arbitraryText } from "./arbitrary-text.ts";
import { BODIES, STRICT_BODIES, TEXTS } from "./cases.ts";
import { readByGraphViz, readByUs, startGraphViz } from "./drawing.ts";

beforeAll(startGraphViz);

const isReadAsByGraphViz = (text: string): void => {
  expect(readByUs(text)).toEqual(readByGraphViz(text));
};

describe("is read as by GraphViz:", () => {
  describe.each(Object.entries(BODIES))("%s", (_, bodies) => {
    it.each(bodies)("%j", (body) => {
      isReadAsByGraphViz(`digraph g {${body}\n}`);
    });
  });

  it.each(STRICT_BODIES)("strict %j", (body) => {
    isReadAsByGraphViz(`strict digraph g {${body}}`);
  });

  it.each(TEXTS)("the whole text %j", (text) => {
    isReadAsByGraphViz(text);
  });

  it("any text", () => {
    fc.assert(fc.property(arbitraryText, isReadAsByGraphViz), { numRuns: 400 });
  });

  it("any text with a mistake", () => {
    fc.assert(fc.property(arbitraryMistake, isReadAsByGraphViz), { numRuns: 400 });
  });
});
