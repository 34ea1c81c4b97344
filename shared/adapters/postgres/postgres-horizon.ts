import type { ColumnType } from '../../domain/contract.ts';
import { BlockedError } from '../../domain/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Horizon } from '../../ports/table-source.ts';
import type { CursorOrder } from '../database/cursor-order.ts';
import { noHorizon, standby } from '../database/table-failures.ts';
import type { PostgresTransaction, TextRow } from './postgres-transaction.ts';

/*
 * How far a table may be read by cursor.
 *
 * A row gets its cursor when it is written and can be seen when its transaction commits, which may be much later. What is
 * read up to now is therefore full of holes that are filled behind the reader. The horizon is before them.
 *
 * Times. `now()` is the start of the transaction, and what `clock_timestamp()` gives is later. So no row with a cursor
 * before the start of the oldest open transaction is still to come. That start is known of all sessions, but not of
 * transactions that were prepared for a two-phase commit; see below.
 *
 * Numbers of a sequence. They say nothing about time. But at a moment T, whoever begins later gets a number that is
 * greater than all that can be seen at T; let the greatest be M - 1. Numbers below M that cannot be seen at T belong to
 * transactions that are open at T (or are never used). Once all of these have ended, what is below M is final. They are
 * waited for a little; if they take longer, the moment is kept for the next call (`Horizon.memory`).
 *
 * Prepared transactions have left their session, and the database does not say when they began. They are known by their
 * number. A transaction that was prepared at T is waited for like one that is open at T; one that is prepared after T was
 * either in a session at T, or began later. So a bound found at T is final when those prepared at T have ended.
 */

/** A bound, and what has to end before it is final. */
interface Moment {
  readonly until: string;
  /** Sessions whose transaction began no later than this are waited for; undefined when there are none. */
  readonly begunBy: string | undefined;
  /** Prepared transactions that are waited for, once no session is. */
  readonly prepared: readonly string[] | undefined;
}

/** What is kept between calls. */
interface Memory {
  /** The column it is about: with another one it says nothing. */
  readonly cursor: string;
  readonly final: string | undefined;
  readonly pending: Moment | undefined;
}

/** What the server says at one moment. */
interface Observation {
  /** Bound of a cursor that is a time. */
  readonly until: string;
  readonly oldest: string | undefined;
  readonly oldestMs: number | undefined;
  /** Not before now, and not before the start of any open transaction. */
  readonly latest: string;
  readonly prepared: readonly string[];
}

export interface HorizonNeeds {
  /** Name of the cursor column, and its type in the lake. */
  readonly cursor: string;
  readonly type: ColumnType;
  readonly order: CursorOrder;
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** Runs statements in a read-only transaction of their own: a session sees others as they were at its first look. */
  readonly transaction: <Result>(
    run: (transaction: PostgresTransaction) => Promise<Result>,
  ) => Promise<Result>;
  /** Greatest visible cursor plus one, of a cursor that is a number; undefined when there is no row. */
  readonly readNext: () => Promise<string | undefined>;
}

/** A transaction is seen a moment after its start was taken; clocks of virtual machines are set by some milliseconds. */
const SAFETY = "interval '1 second'";
const WAIT_MS = 2000;
const POLL_MS = 50;

export async function readPostgresHorizon(needs: HorizonNeeds, former: string | undefined): Promise<Horizon> {
  const memory = parseMemory(former, needs.cursor);
  let { final, pending } = memory;
  let isFresh = false;
  let observation: Observation | undefined;
  const giveUpMs = Math.min(needs.clock.nowMs() + WAIT_MS, needs.deadlineMs - 1000);
  const later = (until: string): void => {
    if (final === undefined || needs.order.compare(until, final) > 0) final = until;
  };
  for (;;) {
    if (pending === undefined) {
      pending = await beginMoment(needs);
      isFresh = true;
      if (pending === undefined) break;
    }
    observation = await observe(needs);
    pending = whatIsLeft(pending, observation);
    if (isFinal(pending)) {
      later(pending.until);
      pending = undefined;
      // One that was begun by a former call is old by now.
      if (isFresh) break;
      continue;
    }
    if (needs.clock.nowMs() + POLL_MS > giveUpMs) break;
    await needs.clock.sleep(POLL_MS);
  }
  return {
    until: final,
    memory: JSON.stringify({ cursor: needs.cursor, final, pending } satisfies Memory),
    oldestOpenMs: observation?.oldestMs,
  };
}

async function beginMoment(needs: HorizonNeeds): Promise<Moment | undefined> {
  if (needs.order.isTime) {
    const { until, prepared } = await observe(needs);
    return { until, begunBy: undefined, prepared };
  }
  // The rows first: who allocates a number after they were looked at gets a greater one.
  const until = await needs.readNext();
  if (until === undefined) return undefined;
  return { until, begunBy: (await observe(needs)).latest, prepared: undefined };
}

const isFinal = ({ begunBy, prepared }: Moment): boolean => begunBy === undefined && prepared?.length === 0;

/** What a moment still waits for, when the server says this. */
function whatIsLeft(moment: Moment, { oldest, prepared }: Pick<Observation, 'oldest' | 'prepared'>): Moment {
  const { begunBy } = moment;
  if (begunBy !== undefined) {
    // Texts of one format, in UTC.
    if (oldest !== undefined && oldest <= begunBy) return moment;
    // Of the transactions that were waited for, those that did not end were prepared meanwhile.
    return { ...moment, begunBy: undefined, prepared };
  }
  return { ...moment, prepared: (moment.prepared ?? []).filter((number) => prepared.includes(number)) };
}

/** Local times as they would be written now or in the next hours: the clock may be set back by then. */
const LOCAL = `least(
  bound AT TIME ZONE zone,
  (SELECT min(later AT TIME ZONE zone)
   FROM generate_series(date_trunc('minute', bound), bound + interval '3 hours', interval '1 minute') AS later
   WHERE later > bound))`;

function untilSql({ kind }: ColumnType): string {
  if (kind === 'local-timestamp') return LOCAL;
  return kind === 'date' ? `(${LOCAL})::date` : 'bound';
}

/**
 * Sessions that may write rows of this database. Autovacuum writes none, and neither do Headgate's own reads, which are
 * read-only. `now()` is the start of this transaction, before anything was looked at.
 */
function activitySql(type: ColumnType): string {
  const timeText = `'YYYY-MM-DD HH24:MI:SS.US'`;
  return `
    WITH activity AS MATERIALIZED (
      SELECT xact_start, state FROM pg_stat_activity
      WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
        AND backend_type <> 'autovacuum worker'
        AND NOT (usename = current_user AND application_name LIKE 'headgate/%' AND application_name NOT LIKE '% (writes)')
    ), open AS (
      SELECT min(xact_start) AS oldest, max(xact_start) AS latest,
        count(*) FILTER (WHERE state = 'disabled') AS hidden
      FROM activity
    ), bounds AS (
      SELECT *, least(now(), oldest) - ${SAFETY} AS bound,
        (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone') AS zone
      FROM open
    )
    SELECT hidden::text AS hidden, (${untilSql(type)})::text AS until, to_char(oldest, ${timeText}) AS oldest,
      (extract(epoch FROM oldest) * 1000)::bigint::text AS oldest_ms,
      to_char(greatest(clock_timestamp(), latest), ${timeText}) AS latest
    FROM bounds`;
}

async function observe(needs: HorizonNeeds): Promise<Observation> {
  return needs.transaction(async (transaction) => {
    const [server] = await transaction.query(
      `SELECT pg_is_in_recovery() AS standby, pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS sees,
         current_user AS role`,
    );
    if (server?.['standby'] === 't') throw standby();
    if (server?.['sees'] !== 't')
      throw noHorizon(
        `the role "${server?.['role'] ?? ''}" may not see when the transactions of others began`,
        `An administrator runs: GRANT pg_read_all_stats TO "${server?.['role'] ?? ''}"`,
      );
    const [open] = await transaction.query(activitySql(needs.type));
    if (open?.['hidden'] !== '0')
      throw noHorizon(
        `${open?.['hidden'] ?? '?'} sessions do not say when their transactions begin (track_activities is off)`,
        'An administrator sets track_activities = on, for all roles',
      );
    // After the sessions: a transaction that is prepared meanwhile is in both answers, and not in neither.
    const prepared = await transaction.query(
      'SELECT transaction::text AS number FROM pg_prepared_xacts WHERE database = current_database()',
    );
    return toObservation(open, prepared);
  });
}

function toObservation(open: TextRow, prepared: readonly TextRow[]): Observation {
  const oldestMs = open['oldest_ms'];
  return {
    until: open['until'] ?? '',
    oldest: open['oldest'] ?? undefined,
    oldestMs: oldestMs === null || oldestMs === undefined ? undefined : Number(oldestMs),
    latest: open['latest'] ?? '',
    prepared: prepared.map(({ number }) => number ?? ''),
  };
}

function parseMemory(text: string | undefined, cursor: string): Memory {
  const nothing = { cursor, final: undefined, pending: undefined };
  if (text === undefined) return nothing;
  let memory: Memory;
  try {
    memory = JSON.parse(text) as Memory;
  } catch (error) {
    throw new BlockedError(
      'DB_HORIZON_MEMORY',
      'what was kept of the former horizon cannot be read; reset the checkpoint of the source',
      { cause: error },
    );
  }
  return memory.cursor === cursor ? memory : nothing;
}
