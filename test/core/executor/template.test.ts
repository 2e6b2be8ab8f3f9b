// Without this, a value could break out of the place in a text that it was put in, or a wrong template be found too late.
import { describe, expect, it } from "vitest";
import { checkJson, parseTemplate, renderJson, renderText } from "../../../src/executor/template.ts";

const VARIABLES = { input: { a: "x", n: 2, half: 0.5, yes: true, none: null, list: [1], "odd key": "}" } };

const render = (text: string) => {
  const parts = parseTemplate(text);
  return parts.ok ? renderText(parts.value, VARIABLES) : parts;
};

describe("a text", () => {
  it.each([
    ["", ""],
    ["plain $ { } $", "plain $ { } $"],
    ["${input.a}", "x"],
    ["<${input.a}${input.n}>", "<x2>"],
    ["${ input.half } ${input.yes}", "0.5 true"],
    ['${input["odd key"]}', "}"],
    ["${'}' + \"{\" + '\\'}'}", "}{'}"],
    ["${{'a': {'b': 'deep'}}.a.b}", "deep"],
    ["$${input.a} ${input.a}", "${input.a} x"],
    ["$$${input.a}", "$${input.a}"],
  ])("%s is %s", (text, rendered) => {
    expect(render(text)).toEqual({ ok: true, value: rendered });
  });

  it.each([
    ["${input.a", "without its }"],
    ["a ${", "without its }"],
    ["${}", "no CEL expression"],
    ["${input.}", "no CEL expression"],
    ["${input.list}", "is a list"],
    ["${input.none}", "is null"],
    ["${input}", "is an object"],
    ["${input.missing}", "${input.missing}: "],
  ])("%s is refused", (text, error) => {
    expect(render(text)).toEqual({ ok: false, error: expect.stringContaining(error) });
  });
});

describe("a JSON value", () => {
  it("has its texts rendered, and values in the place of those that are one expression", () => {
    const template = { a: "${input.list}", b: ["${input.none}", "n=${input.n}", 1, null], "${k}": true };
    expect(renderJson(template, VARIABLES)).toEqual({
      ok: true,
      value: { a: [1], b: [null, "n=2", 1, null], "${k}": true },
    });
  });

  it("keeps a name that every object has as a name", () => {
    const template = JSON.parse('{"__proto__": "${input.a}"}');
    const rendered = renderJson(template, VARIABLES);
    expect(JSON.stringify(rendered.ok && rendered.value)).toBe('{"__proto__":"x"}');
  });

  it("is checked down to its last text", () => {
    expect(checkJson({ a: [{ b: "${input.a}" }] })).toBeUndefined();
    expect(checkJson({ a: [{ b: "${1 +}" }] })).toContain("no CEL expression");
  });
});
