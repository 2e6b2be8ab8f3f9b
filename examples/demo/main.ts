/**
 * `npm run demo`: starts the runtime on a folder of its own, runs a lifetime of each example, and shows what they
 * did. With `-- --kafka`, the bridge and an executor on premises instead.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs, styleText } from "node:util";
import { startLocal } from "../../workers/local/runtime.ts";
import { type Example, examples } from "../index.ts";
import { Client, type Execution, type Lifetime } from "./client.ts";
import { columns } from "./columns.ts";
import { showKafka } from "./kafka.ts";
import { progressOf, type StepRecord } from "./progress.ts";
import { type Asked, recordReader } from "./records.ts";
import { screenOn } from "./screen.ts";

/** Between two looks at the clock, while nothing happens. */
const REDRAW_MS = 80;

/** How long a question stands before the demo answers it itself. */
const ANSWER_MS = 1_500;

const answer = async (client: Client, { answer }: Example, { approval, title }: Asked): Promise<string> => {
  await sleep(ANSWER_MS);
  await client.approve(approval, answer);
  return `A person is asked: ${title} The demo answers for them: ${JSON.stringify(answer)}`;
};

/** Shows a lifetime until it has ended; answers what it asks. */
const follow = async (client: Client, example: Example, { lifetime }: Lifetime): Promise<Lifetime> => {
  const answers: Promise<string>[] = [];
  const screen = screenOn(process.stdout);
  const records: StepRecord[] = [];
  const read = recordReader();
  const draw = () => screen.show(progressOf(records, Date.now()));
  const timer = setInterval(draw, REDRAW_MS);
  try {
    for await (const event of client.events(lifetime)) {
      const record = read(event);
      if (record) records.push(record);
      if (event.event === "approval_opened")
        answers.push(answer(client, example, JSON.parse(event.data) as Asked));
      if (event.event === "lifetime_ended") break;
    }
  } finally {
    clearInterval(timer);
  }
  draw();
  for (const said of await Promise.all(answers)) console.log(`\n  ${said}`);
  return client.lifetime(lifetime);
};

const HEAD = ["node", "kind", "status", "pass", "attempt", "exec_id", "error"];

const tableOf = (executions: readonly Execution[]): readonly string[] =>
  columns(
    [
      HEAD,
      ...executions.map((execution) => [
        execution.node,
        execution.kind,
        execution.status,
        String(execution.iteration_idx + 1),
        String(execution.attempt),
        execution.exec_id,
        execution.error ?? "",
      ]),
    ],
    HEAD.length,
  );

const run = async (client: Client, example: Example): Promise<void> => {
  console.log(`\n${styleText("bold", example.name)}: ${example.sentence}\n`);
  await client.register(example);
  if (example.budget) await client.limit(example);
  const lifetime = await follow(client, example, await client.start(example));
  console.log(`\n  ${lifetime.status} after ${lifetime.steps} steps`);
  for (const { node, result, error } of lifetime.output ?? [])
    console.log(`  ${node}: ${error ?? JSON.stringify(result, null, 2).replaceAll("\n", "\n  ")}`);
  if (lifetime.status !== "SUCCEEDED")
    throw new Error(
      `${example.name} ended ${lifetime.status}: ${lifetime.reason?.detail ?? "no reason given"}`,
    );
  console.log("\n  Its executions, as D1 has them:\n");
  for (const line of tableOf(await client.executions(lifetime.lifetime))) console.log(`  ${line}`);
};

const main = async (): Promise<void> => {
  const { values: options } = parseArgs({ options: { kafka: { type: "boolean", default: false } } });
  const data = await mkdtemp(join(tmpdir(), "escapement-demo-"));
  // Also when it is interrupted: workerd is ended on the way out by the launcher.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
  try {
    const local = await startLocal({ data });
    console.log(`Escapement runs on ${local.url}.`);
    try {
      const client = new Client(local.url, local.key, "demo");
      await client.provision();
      const { kafka } = options;
      if (kafka) await showKafka(local);
      else for (const example of examples) await run(client, example);
    } finally {
      await local.stop();
    }
  } finally {
    await rm(data, { recursive: true, force: true });
  }
};

main().catch((error: Error) => {
  console.error(`\n${styleText("red", error.message, { stream: process.stderr })}`);
  process.exitCode = 1;
});
