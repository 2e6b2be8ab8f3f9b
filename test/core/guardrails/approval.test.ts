// Without this, what too few have agreed to could take effect, or a schema could hold up a tenant with one answer.
import { expect, test } from "vitest";
import { answerSchema } from "../../../src/guardrails/answer-schema.ts";
import { type Approval, answer, lapse } from "../../../src/guardrails/approval.ts";

const ADA = { name: "ada", roles: [] };
const ASKED: Approval = { opened: 1, who: ["ada", "bob"], quorum: 2, due: 9, onExpiry: "approve" };

test.each(["approve", "reject", "abort"] as const)(
  "what a minority has changed is gone once time decides to %s",
  (onExpiry) => {
    const voted = answer({ ...ASKED, onExpiry }, ADA, { type: "approve", edit: "hers" }, 2);
    if (!voted.ok) throw new Error(voted.error.code);
    expect(voted.value.approval.edit).toBe("hers");
    const { approval } = lapse(voted.value.approval, 9);
    expect(approval.votes).toMatchObject([{ by: "ada" }]);
    expect(approval).not.toHaveProperty("edit");
  },
);

test("what a minority has changed stays when others are asked as well", () => {
  const voted = answer(
    { ...ASKED, edit: "hers", votes: [{ by: "ada", at: 2 }] },
    { name: "bob", roles: [] },
    { type: "delegate", to: "cleo" },
    3,
  );
  if (!voted.ok) throw new Error(voted.error.code);
  const escalated = lapse({ ...voted.value.approval, escalation: { to: ["dora"], ms: 5 } }, 9);
  expect(escalated).toMatchObject({
    act: "escalated",
    approval: { edit: "hers", who: ["ada", "bob", "dora"] },
  });
});

test("a schema has no pattern, which could take hours to say no to an answer", () => {
  expect(answerSchema.safeParse({ type: "string", maxLength: 9 }).success).toBe(true);
  const refused = answerSchema.safeParse({ type: "string", pattern: "^(a+)+$" });
  expect(refused.error?.message).toMatch(/pattern/);
});
