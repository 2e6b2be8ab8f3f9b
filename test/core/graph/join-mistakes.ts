/** One small graph for each way in which a join can never fire, and the one fault that it answers. */
import { type Case, document, many, position, saying, withLines } from "./case.ts";

export const JOIN_CASES: Case[] = [
  {
    says: "a join that waits for more than one plan can send it",
    written: withLines(
      "start -> redraft -> check; redraft [type=task]; draft -> check; check -> echo -> check; echo [type=task]",
      'check [type=plan, join="first: 3"]',
    ),
    code: "join_unreachable",
    fault: { node: "check", ...position(6, 1), ...saying("first 3", "at most 2") },
  },
  {
    says: "a document in which a join waits for none",
    written: {
      graph: document({
        nodes: [
          { name: "start", type: "plan", join: { first: 0 } },
          { name: "draft", type: "task" },
        ],
      }),
    },
    code: "invalid_attribute",
    fault: { node: "start", ...saying("join", "write", '"first: 2"') },
  },
  {
    says: "a merge of branches that two entries begin",
    written: withLines(
      "parallel [type=plan]; parallel -> echo -> check; echo [type=task]; draft -> check",
      "check [type=plan, join=merge, end=true]",
    ),
    code: "no_common_plan",
    fault: { node: "check", ...position(6, 1), ...saying("the tasks of one plan") },
  },
  {
    says: "too many merges",
    written: withLines(
      ...many(65, (i) => `m${i} [type=plan, kind=check, join=merge, end=true]; draft -> m${i}`),
    ),
    code: "too_many_merges",
    fault: { node: "m64", ...saying("at most 64") },
  },
];
