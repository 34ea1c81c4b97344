import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/** One row of an answer; values are the database's text. */
export type TextRow = Readonly<Record<string, string | null>>;

/** Ends a session at once, whatever it does: the server notices that nobody listens. */
export function abandonClient(client: pg.Client): void {
  // The driver has no such method, and `end` waits for the running statement.
  (client as unknown as { connection: { stream: Duplex } }).connection.stream.destroy();
}

/** The longest time that a timer of Node can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Gives up a session after a time, whatever it does: where the network loses it in silence, the server's own time-outs
 * never arrive.
 *
 * @returns ends the watch
 */
export function watchClient(client: pg.Client, ms: number): () => void {
  const timer = setTimeout(
    () => {
      abandonClient(client);
    },
    Math.min(ms, MAX_TIMER_MS),
  );
  return () => {
    clearTimeout(timer);
  };
}

/** A transaction that has begun. */
export class PostgresTransaction {
  readonly #client: pg.Client;
  readonly #keep: () => void;
  readonly #endWatch: () => void;

  /**
   * @param keep takes the session back for the next transaction
   * @param endWatch is called when the transaction is over
   */
  constructor(client: pg.Client, keep: () => void, endWatch: () => void) {
    this.#client = client;
    this.#keep = keep;
    this.#endWatch = endWatch;
  }

  /** Rows of one statement. */
  async query(sql: string, values: readonly unknown[] = []): Promise<readonly TextRow[]> {
    const { rows } = await this.#client.query<TextRow>(sql, [...values]);
    return rows;
  }

  /** Names and types of the columns that a statement without parameters returns. */
  async fieldsOf(sql: string): Promise<readonly { name: string; typeId: number; modifier: number }[]> {
    const { fields } = await this.#client.query(sql);
    return fields.map(({ name, dataTypeID, dataTypeModifier }) => ({
      name,
      typeId: dataTypeID,
      modifier: dataTypeModifier,
    }));
  }

  /** The bytes of `COPY … TO STDOUT`, in chunks of any size. */
  async *copy(sql: string): AsyncGenerator<Buffer, void, undefined> {
    const stream = this.#client.query(copyTo(sql));
    for await (const chunk of stream) yield chunk as Buffer;
  }

  /** Ends the transaction; the session is kept. */
  async end(): Promise<void> {
    await this.#client.query('COMMIT');
    this.#endWatch();
    this.#keep();
  }

  /** Gives up the transaction and the session. */
  abandon(): void {
    this.#endWatch();
    abandonClient(this.#client);
  }
}
