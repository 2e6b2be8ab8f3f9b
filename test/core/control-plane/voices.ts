/** Who answers an approval of a lifetime that is played, and what came of it. */
import { decideAnswer } from "../../../src/control-plane/approvals.ts";
import type { Ballot, Voter } from "../../../src/guardrails/approval.ts";
import type { Play } from "../../fixtures/play.ts";

export const HOUR = 3_600_000;
export const ADA: Voter = { name: "ada", roles: ["reader", "operator"] };
export const BOB: Voter = { name: "bob", roles: ["reader"] };

export const openedOf = (play: Play) => play.log.findLast((record) => record.type === "approval_opened");

/** What the answer is told: nothing where it counts, else the code of its refusal. */
export const answer = (play: Play, voter: Voter, ballot: Ballot, comment?: string): string | undefined => {
  const opened = openedOf(play);
  const n = Number(opened?.input.split(":").at(-1));
  const what = { n, opened: opened?.offset ?? 0, voter, ballot, ...(comment !== undefined && { comment }) };
  if (!play.state) throw new Error("not started");
  const decided = decideAnswer(play.state, play.index, what, play.at);
  play.reduce({ type: "approval_answered", ...what });
  return decided.ok ? undefined : decided.error.code;
};
export const approve = (edit?: Extract<Ballot, { type: "approve" }>["edit"]): Ballot => ({
  type: "approve",
  ...(edit !== undefined && { edit }),
});
export const REJECT: Ballot = { type: "reject" };

export const closedOf = (play: Play) =>
  play.log.flatMap((record) => (record.type === "approval_closed" ? [record.outcome] : []));
