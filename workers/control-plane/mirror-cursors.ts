/** How far each mirror has read the log: what a mirror has not read is not trimmed. */
import type { Sql } from "./sql.ts";

export class MirrorCursors {
  readonly #sql: Sql;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  /** The last offset that the mirror has; 0 where it has none. */
  get(name: string): number {
    return this.#find(name) ?? 0;
  }

  /** Whether it keeps anything from being trimmed. */
  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  #find(name: string): number | undefined {
    const [row] = this.#sql
      .exec<{ offset: number }>("SELECT offset FROM cursors WHERE name = ?", name)
      .toArray();
    return row?.offset;
  }

  /** Only moves forward. */
  set(name: string, offset: number, at: number): void {
    this.#sql.exec(
      `INSERT INTO cursors VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE
       SET offset = excluded.offset, at = excluded.at WHERE excluded.offset > cursors.offset`,
      name,
      offset,
      at,
    );
  }

  /** Of a mirror that is no more: it would hold up trimming for ever. */
  delete(name: string): void {
    this.#sql.exec("DELETE FROM cursors WHERE name = ?", name);
  }

  /** What all mirrors have; infinite where there are none. */
  lowest(): number {
    const { lowest } = this.#sql
      .exec<{ lowest: number | null }>("SELECT MIN(offset) AS lowest FROM cursors")
      .one();
    return lowest ?? Number.POSITIVE_INFINITY;
  }
}
