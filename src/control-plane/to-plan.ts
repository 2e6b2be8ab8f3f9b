/** tasks → one plan: the single place where a plan input follows from task executions, whatever the join. */
import { overBound } from "./bounds.ts";
import type { Draft } from "./draft.ts";
import { end } from "./ending.ts";
import { issue } from "./issue.ts";
import type { Answered, Parent } from "./lifetime.ts";

export const toPlan = (draft: Draft, node: string, answers: readonly Answered[]): void => {
  let bytes = 0;
  for (const each of answers) bytes += each.ignored ? 0 : each.bytes;
  const over = overBound(draft, [node], bytes);
  if (over) end(draft, "FAILED", over);
  else issue(draft, { node, wave: 0, parents: answers.map(parentOf) });
};

const parentOf = ({ execId, name, offset, ignored }: Answered): Parent => ({
  execId,
  name,
  offset,
  ...(ignored && { ignored }),
});
