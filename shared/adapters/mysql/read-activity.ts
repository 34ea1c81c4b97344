import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TransientError } from '../../domain/errors.ts';
import type { MysqlConnection } from './connection.ts';
import type { Activity } from './plan-horizon.ts';

/** Statements of Headgate that read. They write nothing, so nothing has to wait for them. */
export const READ_MARK = '/* headgate read */';

/**
 * Commands that run no statement. A worker of the event scheduler is shown as "Connect" or "Daemon" under the name of its
 * definer, and counts.
 */
const IDLE_COMMANDS = "'Sleep', 'Binlog Dump', 'Binlog Dump GTID'";
const SYSTEM_USERS = "'system user', 'event_scheduler'";

/** innodb_trx is a copy that is made anew only when nobody has looked at it for 100 ms. */
const COPY_AGE_MS = 115;
const MAX_LOOKS = 12;
/** Sources that look at the same time would keep each other from a new copy: one does at a time. */
const LOCK = "'headgate.innodb_trx'";
const LOCK_WAIT_S = 20;

/** @returns what is active; `standby`, where changes of another server are applied here */
export async function readActivity(connection: MysqlConnection): Promise<Activity | 'standby'> {
  const [[now] = []] = await connection.query(
    `${READ_MARK} SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS DECIMAL(20, 0))`,
  );
  const nowMicros = Number(now);
  // Statements first: one that ends in between has written, and its transaction is listed if it is still open.
  const statements = await readStatements(connection);
  if (statements === 'standby') return statements;
  const writers = await readWriters(connection);
  return {
    nowMicros,
    statementMicros: statements,
    writers,
    prepared: await hasPrepared(connection, writers.length),
  };
}

async function readStatements(connection: MysqlConnection): Promise<readonly number[] | 'standby'> {
  // Both derive from the clock that the default of a column is read from. TIME has whole seconds, cut off or not by version.
  const age = connection.isMariadb ? 'GREATEST(TIME_MS, 0)' : '(GREATEST(TIME, 0) + 1) * 1000';
  const rows = await connection.query(
    `${READ_MARK} SELECT USER, COMMAND, CAST(${age} * 1000 AS DECIMAL(20, 0)), INFO LIKE '${READ_MARK}%', ` +
      'CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS DECIMAL(20, 0)) ' +
      `FROM information_schema.PROCESSLIST WHERE COMMAND NOT IN (${IDLE_COMMANDS}) AND ID <> CONNECTION_ID() ` +
      `AND NOT (COMMAND = 'Daemon' AND USER IN (${SYSTEM_USERS}))`,
  );
  const starts: number[] = [];
  for (const [user, command, ageMicros, ours, at] of rows) {
    if (user === 'system user' && (command === 'Connect' || command?.startsWith('Slave') === true))
      return 'standby';
    if (ours === '1') continue;
    starts.push(Number(at) - Number(ageMicros));
  }
  return starts;
}

/** Transactions that have written, certainly as they are after this was called. */
async function readWriters(connection: MysqlConnection): Promise<Activity['writers']> {
  await connection.query(`${READ_MARK} SELECT GET_LOCK(${LOCK}, ${String(LOCK_WAIT_S)})`);
  try {
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      const writers = await lookAtWriters(connection);
      if (writers !== undefined) return writers;
      // Others may look too (monitoring): at times of their own.
      await sleep(COPY_AGE_MS * (1 + looks * Math.random()));
    }
  } finally {
    if (!connection.closed) await connection.query(`${READ_MARK} SELECT RELEASE_LOCK(${LOCK})`);
  }
  throw new TransientError(
    'DB_NO_HORIZON',
    'information_schema.innodb_trx is read by others so often that it is never made anew (it needs 100 ms between two ' +
      'readers): have monitoring read it less often',
  );
}

/** @returns undefined when the copy was made before this was called */
async function lookAtWriters(connection: MysqlConnection): Promise<Activity['writers'] | undefined> {
  // The transaction of this very statement is listed if the copy was made for it: it is known by its text.
  const mark = `${READ_MARK} /* ${randomUUID()} */`;
  await connection.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
  const rows = await connection.query(
    `${mark} SELECT trx_id, trx_mysql_thread_id = CONNECTION_ID(), trx_query LIKE '${mark}%', trx_rows_modified, ` +
      // In the time zone of the server, whatever that of the session is.
      "CAST(UNIX_TIMESTAMP(CONVERT_TZ(trx_started, 'SYSTEM', '+00:00')) * 1000000 AS DECIMAL(20, 0)) " +
      'FROM information_schema.INNODB_TRX',
  );
  await connection.query('COMMIT');
  if (!rows.some(([, own, marked]) => own === '1' && marked === '1')) return undefined;
  return rows.flatMap(([id, own, , modified, started]) =>
    own === '1' || modified === '0' ? [] : [{ id: BigInt(id ?? 0), startedMicros: Number(started) }],
  );
}

/** Prepared transactions (XA) that are not among those that were listed. */
async function hasPrepared(connection: MysqlConnection, writers: number): Promise<boolean> {
  let prepared;
  try {
    prepared = await connection.query('XA RECOVER');
  } catch (error) {
    // MySQL lets nobody see them without XA_RECOVER_ADMIN. They are among the transactions listed.
    if ((error as { errno?: unknown }).errno === 1401 || (error as { errno?: unknown }).errno === 1227)
      return false;
    throw error;
  }
  return prepared.length > writers;
}
