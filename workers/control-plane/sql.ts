/** The object's SQLite, counting the rows that are written: they are what is billed. */
export interface Sql {
  exec<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...bindings: unknown[]
  ): SqlStorageCursor<Row>;
}

export class CountedSql implements Sql {
  readonly #sql: SqlStorage;
  rowsWritten = 0;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  exec<Row extends Record<string, SqlStorageValue>>(query: string, ...bindings: unknown[]) {
    const cursor = this.#sql.exec<Row>(query, ...bindings);
    this.rowsWritten += cursor.rowsWritten;
    return cursor;
  }
}
