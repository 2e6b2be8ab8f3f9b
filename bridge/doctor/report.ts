/** Findings as people read them on a terminal. */
import { styleText } from "node:util";
import type { Finding } from "./finding.ts";

const SIGNS = {
  ok: styleText("green", "ok  "),
  warn: styleText("yellow", "WARN"),
  fail: styleText("red", "FAIL"),
} as const;
const ABOUT_CHARS = 11;
/** Under what was found: after the sign and what was looked at. */
const INDENT = " ".repeat(4 + 2 + ABOUT_CHARS + 1);

export const linesOf = (finding: Finding): string => {
  const { level, about, found } = finding;
  const line = `${SIGNS[level]}  ${about.padEnd(ABOUT_CHARS)} ${found}`;
  if (finding.level === "ok") return line;
  return [line, `${INDENT}why: ${finding.matters}`, `${INDENT}do:  ${finding.todo}`].join("\n");
};

const counted = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

export const summaryOf = (findings: readonly Finding[]): string => {
  const count = (level: Finding["level"]) => findings.filter((each) => each.level === level).length;
  const fails = counted(count("fail"), "thing fails", "things fail");
  const warnings = counted(count("warn"), "warning", "warnings");
  return `${fails}, ${warnings}, ${count("ok")} well`;
};
