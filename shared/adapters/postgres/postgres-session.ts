import pg from 'pg';
import type { Clock } from '../../ports/clock.ts';
import type { ConnectionValues } from '../database/connection-values.ts';
import { timedOut } from '../database/table-failures.ts';
import { abandonClient, PostgresTransaction, watchClient } from './postgres-transaction.ts';
import { quoteText } from './sql-text.ts';
import { isLoginFailure, translateError, type FailureContext } from './translate-error.ts';

export interface SessionOptions {
  /** Values of the connection; `fresh`: read anew, because the former ones were refused. */
  readonly connect: (fresh: boolean) => Promise<ConnectionValues>;
  /** How the sessions show in pg_stat_activity. */
  readonly applicationName: string;
  readonly statementTimeoutMs: number;
  /** For people, such as `the table public.orders`. */
  readonly relation: string;
  readonly clock: Clock;
}

/** What a transaction does. Reads are one snapshot, if they are `repeatable`. */
export interface TransactionMode {
  readonly access: 'read' | 'write';
  readonly isolation: 'read committed' | 'repeatable read';
  readonly deadlineMs: number;
}

const CONNECT_TIMEOUT_MS = 10_000;
/** A kept session that does not answer for so long was lost in silence, as behind a NAT; a fresh one is made. */
const KEPT_ANSWER_MS = 5000;
/** So long after the deadline, at which the server ends the statement itself, nobody waits for its answer any more. */
const GRACE_MS = 1000;
/** Longer than a full batch may wait for its writer. */
const IDLE_TIMEOUT_MS = 5 * 60_000;
/** A lock that is waited for longer (a migration runs) is asked for again by the next run. */
const LOCK_TIMEOUT_MS = 30_000;

/** Every value as the text that the database sent: exact, whatever its type. */
const TEXT_ONLY = { getTypeParser: () => (value: string) => value };

/** Sessions with one database, made when they are needed and kept. */
export class PostgresSessions {
  readonly #options: SessionOptions;
  readonly #idle: pg.Client[] = [];
  #context: FailureContext;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#context = { address: 'the database', user: '', relation: options.relation };
  }

  /**
   * Runs statements in a transaction of their own; a session that fails is given up.
   *
   * @throws HeadgateError for everything that fails
   */
  async transaction<Result>(
    mode: TransactionMode,
    run: (session: PostgresTransaction) => Promise<Result>,
  ): Promise<Result> {
    const session = await this.begin(mode);
    try {
      const result = await run(session);
      await session.end();
      return result;
    } catch (error) {
      session.abandon();
      throw this.translate(error, mode.deadlineMs);
    }
  }

  /** Begins a transaction, which is to be ended or abandoned. */
  async begin(mode: TransactionMode): Promise<PostgresTransaction> {
    const { clock, statementTimeoutMs, applicationName } = this.#options;
    const leftMs = this.#timeLeft(mode);
    const settings = {
      statement_timeout: Math.ceil(Math.min(statementTimeoutMs, leftMs)),
      idle_in_transaction_session_timeout: IDLE_TIMEOUT_MS,
      lock_timeout: LOCK_TIMEOUT_MS,
      application_name: mode.access === 'read' ? applicationName : `${applicationName} (writes)`,
      TimeZone: 'UTC',
      DateStyle: 'ISO, YMD',
      IntervalStyle: 'postgres',
      bytea_output: 'hex',
      extra_float_digits: 3,
      xmloption: 'content',
    };
    const sets = Object.entries(settings).map(
      ([name, value]) => `SET LOCAL ${name} = ${quoteText(String(value))}`,
    );
    const begin = `BEGIN ISOLATION LEVEL ${mode.isolation} READ ${mode.access === 'read' ? 'ONLY' : 'WRITE'}`;
    const beginOn = async (client: pg.Client, answerMs: number): Promise<PostgresTransaction> => {
      const endAnswerWatch = watchClient(client, answerMs);
      try {
        await client.query([begin, ...sets].join(';'));
      } catch (error) {
        abandonClient(client);
        throw error;
      } finally {
        endAnswerWatch();
      }
      const endWatch = watchClient(client, mode.deadlineMs - clock.nowMs() + GRACE_MS);
      return new PostgresTransaction(client, () => this.#idle.push(client), endWatch);
    };
    // A kept session may have been lost since: a fresh one is tried before that is called a failure.
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      try {
        return await beginOn(kept, Math.min(KEPT_ANSWER_MS, leftMs));
      } catch {
        // The next one.
      }
    }
    const client = await this.#connect(Math.min(CONNECT_TIMEOUT_MS, this.#timeLeft(mode)));
    try {
      return await beginOn(client, Math.max(0, mode.deadlineMs - clock.nowMs()) + GRACE_MS);
    } catch (error) {
      throw this.translate(error, mode.deadlineMs);
    }
  }

  translate(error: unknown, deadlineMs: number): Error {
    const translated = translateError(error, this.#context);
    if (translated.code === 'DB_UNREACHABLE' && this.#options.clock.nowMs() >= deadlineMs)
      return timedOut(`reading ${this.#options.relation}`, error);
    return translated;
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((client) => client.end().catch(() => undefined)));
  }

  #timeLeft({ deadlineMs }: TransactionMode): number {
    const leftMs = deadlineMs - this.#options.clock.nowMs();
    if (leftMs <= 0) throw timedOut(`what came before reading ${this.#options.relation}`);
    return leftMs;
  }

  async #connect(timeoutMs: number): Promise<pg.Client> {
    try {
      return await this.#connectWith(await this.#options.connect(false), timeoutMs);
    } catch (error) {
      if (!isLoginFailure(error)) throw translateError(error, this.#context);
    }
    try {
      return await this.#connectWith(await this.#options.connect(true), timeoutMs);
    } catch (error) {
      throw translateError(error, this.#context);
    }
  }

  async #connectWith(values: ConnectionValues, timeoutMs: number): Promise<pg.Client> {
    const { host, port, database, user, password, ca, tls } = values;
    this.#context = {
      ...this.#context,
      address: `${host}:${String(port)}/${database}`,
      user,
    };
    const client = new pg.Client({
      ...{ host, port, database, user, password },
      ssl: tls ? { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) } : false,
      application_name: this.#options.applicationName,
      connectionTimeoutMillis: timeoutMs,
      keepAlive: true,
      types: TEXT_ONLY,
    });
    // A session that is lost while it is idle is noticed by its next use.
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      abandonClient(client);
      throw error;
    }
  }
}
