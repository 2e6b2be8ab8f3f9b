/** Assignments as they are written → attributes of a draft. Never judges a name or a value. */
import type { Attribute } from "../draft.ts";
import type { Assignment, Id } from "./syntax.ts";

export type AttributeMap = Map<string, Attribute>;

/** To GraphViz <b> and "b" are two names; with its brackets the first is one that no graph takes. */
export const nameOf = ({ value, html }: Id): string => (html ? `<${value}>` : value);

/** In a label \n, \l and \r end a line, as GraphViz draws them; in HTML they are letters. */
const labelOf = ({ value, html }: Id): string =>
  html ? value : value.replace(/\\([nlr\\])/g, (_, escaped: string) => (escaped === "\\" ? "\\" : "\n"));

const attributeOf = ({ name, value }: Assignment): Attribute => ({
  value: name.value === "label" ? labelOf(value) : value.value,
  path: name.value,
  position: name.position,
});

export const assign = (attributes: AttributeMap, assignments: readonly Assignment[]): AttributeMap => {
  for (const assignment of assignments) attributes.set(assignment.name.value, attributeOf(assignment));
  return attributes;
};

/** An edge's key is no attribute but part of its name. */
export const splitKey = (assignments: readonly Assignment[]) => {
  const key = assignments.findLast(({ name }) => name.value === "key");
  return {
    key: key && nameOf(key.value),
    others: key ? assignments.filter(({ name }) => name.value !== "key") : assignments,
  };
};
