/** tasks → one plan: the single place where a plan input follows from task executions, whatever the join. */
import { overBound } from "./bounds.ts";
import type { Draft } from "./draft.ts";
import { end } from "./ending.ts";
import { issue } from "./issue.ts";
import type { Answered, Parent, Scope } from "./lifetime.ts";
import { hold, reached } from "./scopes.ts";

/** `from` are the scopes of the branch that leads to it. */
export const toPlan = (
  draft: Draft,
  node: string,
  answers: readonly Answered[],
  from: readonly Scope[] | undefined,
): void => {
  let bytes = 0;
  for (const each of answers) bytes += each.ignored ? 0 : each.bytes;
  const over = overBound(draft, [node], bytes);
  if (over) {
    end(draft, "FAILED", over);
    return;
  }
  const scopes = reached(draft, node, from);
  if (scopes) hold(draft, scopes);
  issue(draft, [{ node, wave: 0, parents: answers.map(parentOf), ...(scopes && { scopes }) }]);
};

const parentOf = ({ execId, name, offset, ignored }: Answered): Parent => ({
  execId,
  name,
  offset,
  ...(ignored && { ignored }),
});
