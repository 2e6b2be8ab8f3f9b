/** Policies that come with the runtime, as documents to begin with. None holds until somebody enables it. */
import type { z } from "zod";
import type { policyDocument } from "./document.ts";

type Starter = z.input<typeof policyDocument>;

const HOUR_MS = 3_600_000;
const DOLLAR = 1_000_000;

export const STARTERS: readonly Starter[] = [
  {
    name: "tokens-per-execution",
    on: ["plan_execution", "task_execution"],
    when: "execution.header.usage.tokens_in + execution.header.usage.tokens_out > 100000",
    action: "REJECT_EXECUTION",
    message: "one execution used more than 100,000 tokens",
  },
  {
    name: "tokens-per-lifetime",
    on: ["plan_input", "task_input"],
    when: "lifetime.spent.tokens > 1000000",
    action: "ABORT_LIFETIME",
    message: "the lifetime used more than 1,000,000 tokens",
  },
  {
    name: "tokens-per-tenant",
    on: ["plan_input", "task_input"],
    when: "tenant.spent.day.tokens > 50000000",
    action: "PAUSE_LIFETIME",
    message: "the tenant used more than 50,000,000 tokens today",
  },
  {
    name: "cost-per-execution",
    on: ["plan_execution", "task_execution"],
    when: `execution.header.usage.cost_usd_micros > ${DOLLAR}`,
    action: "REJECT_EXECUTION",
    message: "one execution cost more than a dollar",
  },
  {
    name: "cost-per-lifetime",
    on: ["plan_input", "task_input"],
    when: `lifetime.spent.cost_usd_micros > ${10 * DOLLAR}`,
    action: "ABORT_LIFETIME",
    message: "the lifetime cost more than 10 dollars",
  },
  {
    name: "cost-per-tenant",
    on: ["plan_input", "task_input"],
    when: `tenant.spent.day.cost_usd_micros > ${500 * DOLLAR}`,
    action: "PAUSE_LIFETIME",
    message: "the tenant spent more than 500 dollars today",
  },
  {
    name: "iterations-per-lifetime",
    on: ["plan_input", "task_input"],
    when: "input.iteration >= 50",
    action: "ABORT_LIFETIME",
    message: "a node ran 50 times in one lifetime",
  },
  {
    name: "parallel-executions",
    on: "task_input",
    when: "lifetime.open >= 100",
    action: "REJECT_EXECUTION",
    message: "the lifetime has 100 attempts at work",
  },
  {
    name: "execution-time",
    on: ["plan_execution", "task_execution"],
    when: "input.elapsed_ms > 300000",
    action: "WARN",
    message: "one execution took more than five minutes",
  },
  {
    name: "lifetime-time",
    on: ["plan_input", "task_input"],
    when: `lifetime.age_ms > ${6 * HOUR_MS}`,
    action: "PAUSE_LIFETIME",
    message: "the lifetime has run for six hours",
  },
  {
    name: "blocked-words",
    on: "task_execution",
    when: "['password', 'secret key'].exists(word, result_text.contains(word))",
    action: "REJECT_EXECUTION",
    message: "the result has a word that is blocked",
  },
  {
    name: "repeated-steps",
    on: ["plan_input", "task_input"],
    when: "cycle.repeats >= 3",
    action: "PAUSE_LIFETIME",
    message: "a node is to run for the fourth time with the same input",
  },
];
