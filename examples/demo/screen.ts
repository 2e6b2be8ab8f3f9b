/**
 * Shows progress: redrawn in place on a terminal, and one line for each change where output is piped. Colours are
 * left out where nobody sees them or NO_COLOR asks for it.
 */
import { clearScreenDown, cursorTo, moveCursor } from "node:readline";
import { styleText } from "node:util";
import { columns } from "./columns.ts";
import type { Step } from "./progress.ts";

type Style = Parameters<typeof styleText>[0];

const STYLES: Readonly<Record<string, { readonly mark: string; readonly style: Style }>> = {
  SUCCEEDED: { mark: "✓", style: "green" },
  RUNNING: { mark: "•", style: "cyan" },
  FAILED: { mark: "✗", style: "red" },
};
const OTHER = { mark: "-", style: "yellow" } as const;

const cells = (step: Step, branch: string): readonly string[] => [
  `${branch}${step.node}`,
  `${(STYLES[step.status] ?? OTHER).mark} ${step.status}`,
  `pass ${step.iteration + 1}`,
  step.attempt === 1 ? "" : `attempt ${step.attempt}`,
  `${Math.round(step.elapsedMs)} ms`,
  step.progress === undefined ? "" : JSON.stringify(step.progress),
];

const COLUMNS_LEFT = 4;

interface Line {
  readonly step: Step;
  readonly text: string;
}

export const linesOf = (steps: readonly Step[]): readonly Line[] => {
  const shown = steps.flatMap((plan) => [
    { step: plan, cells: cells(plan, "") },
    ...plan.tasks.map((task, at) => ({
      step: task,
      cells: cells(task, at === plan.tasks.length - 1 ? "└─ " : "├─ "),
    })),
  ]);
  const texts = columns(
    shown.map((line) => line.cells),
    COLUMNS_LEFT,
  );
  return shown.map(({ step }, at) => ({ step, text: `  ${texts[at]}` }));
};

const coloured = ({ step, text }: Line): string => styleText((STYLES[step.status] ?? OTHER).style, text);

export interface Screen {
  show(steps: readonly Step[]): void;
}

const terminal = (output: NodeJS.WriteStream): Screen => {
  let drawn = 0;
  return {
    show: (steps) => {
      const lines = linesOf(steps);
      // What has scrolled away cannot be redrawn, so only the last screenful is.
      const visible = lines.slice(-Math.max(1, output.rows - 2));
      moveCursor(output, 0, -drawn);
      cursorTo(output, 0);
      clearScreenDown(output);
      for (const line of visible)
        output.write(`${coloured({ ...line, text: line.text.slice(0, output.columns) })}\n`);
      drawn = visible.length;
    },
  };
};

const piped = (output: NodeJS.WriteStream): Screen => {
  const seen = new Set<string>();
  return {
    show: (steps) => {
      for (const { step, text } of linesOf(steps)) {
        const change = [step.inputId, step.attempt, step.status, JSON.stringify(step.progress)].join(" ");
        if (!seen.has(change)) output.write(`${coloured({ step, text: text.replace(/[├└]─/, "  ") })}\n`);
        seen.add(change);
      }
    },
  };
};

export const screenOn = (output: NodeJS.WriteStream): Screen =>
  output.isTTY && !process.env.CI ? terminal(output) : piped(output);
