// Without this a DOT text could mean something else here than it means to GraphViz.
import { beforeAll, describe, expect, it } from "vitest";
import { BODIES, STRICT_BODIES, TEXTS } from "./cases.ts";
import { readByGraphViz, readByUs, startGraphViz } from "./drawing.ts";

beforeAll(startGraphViz);

describe("is read as by GraphViz", () => {
  describe.each(Object.entries(BODIES))("%s", (_, bodies) => {
    it.each(bodies)("%j", (body) => {
      const text = `digraph g {${body}\n}`;
      expect(readByUs(text)).toEqual(readByGraphViz(text));
    });
  });

  it.each(STRICT_BODIES)("strict %j", (body) => {
    const text = `strict digraph g {${body}}`;
    expect(readByUs(text)).toEqual(readByGraphViz(text));
  });

  it.each(TEXTS)("the whole text %j", (text) => {
    expect(readByUs(text)).toEqual(readByGraphViz(text));
  });
});
