/**
 * How far each partition of Kafka was taken in: what is below its mark was, and counts no more. Marks move in the
 * transaction that takes the records in.
 */
import type { Mark } from "../../../src/mirror/mark.ts";
import { isTopic, type Topic } from "../../../src/topics/topics.ts";
import type { Sql } from "../sql.ts";

type Row = { topic: string; partition: number; generation: number; next: number; regressed: number };

export const markKey = (topic: Topic, partition: number): string => `${topic}/${partition}`;

export class MarkTable {
  readonly #sql: Sql;
  readonly #marks = new Map<string, Mark>();

  constructor(sql: Sql) {
    this.#sql = sql;
    for (const { topic, regressed, ...row } of sql.exec<Row>("SELECT * FROM kafka_marks"))
      if (isTopic(topic))
        this.#marks.set(markKey(topic, row.partition), { topic, regressed: regressed === 1, ...row });
  }

  get(topic: Topic, partition: number): Mark {
    const blank = { topic, partition, generation: 0, next: 0, regressed: false };
    return this.#marks.get(markKey(topic, partition)) ?? blank;
  }

  all(): readonly Mark[] {
    return [...this.#marks.values()];
  }

  /** Inside a transaction; answers what to remember once it is committed. */
  write(marks: readonly Mark[]): () => void {
    for (const { topic, partition, generation, next, regressed } of marks)
      this.#sql.exec(
        "INSERT OR REPLACE INTO kafka_marks VALUES (?, ?, ?, ?, ?)",
        topic,
        partition,
        generation,
        next,
        regressed ? 1 : 0,
      );
    return () => {
      for (const mark of marks) this.#marks.set(markKey(mark.topic, mark.partition), mark);
    };
  }

  /** After the tables were cleared. */
  reset(): void {
    this.#marks.clear();
  }
}
