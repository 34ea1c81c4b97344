import { setTimeout as sleep } from 'node:timers/promises';
import type { ColumnType } from '../../domain/contract.ts';
import type { Horizon } from '../../ports/table-source.ts';
import { noHorizon, standby } from '../database/table-failures.ts';
import { formatDay, formatMicros, parseMicros } from '../database/time-text.ts';
import type { MysqlConnection } from './connection.ts';
import {
  addMoment,
  formatMemory,
  parseMemory,
  planHorizon,
  planOldest,
  type Activity,
  type Moment,
} from './plan-horizon.ts';
import { readActivity } from './read-activity.ts';

/** The cursor whose horizon is looked for. */
export interface HorizonRequest {
  /** Its type in the lake: an integer, decimal, date or time. */
  readonly type: ColumnType;
  /** The statement that answers with its largest value. */
  readonly largestSql: string;
  /** `Horizon.memory` of the run before. */
  readonly former: string | undefined;
  readonly deadlineMs: number;
  /** For messages. */
  readonly user: string;
}

/** How far before now a bound of times is: clocks are set right by less. */
const MARGIN_MICROS = 1e6;
/** When a statement began is known up to some milliseconds. */
const SLACK_MICROS = 200_000;
/** How long is waited for what is open now: most transactions take milliseconds. */
const PATIENCE_MS = 1_500;
const LOOK_EVERY_MS = 50;
/** Time that a look takes at most where few others look. */
const LAST_LOOK_MS = 2000;

const DENIED = 1227;

/** @throws BlockedError `DB_NO_HORIZON`, `DB_STANDBY`; the driver's errors */
export async function readHorizon(connection: MysqlConnection, request: HorizonRequest): Promise<Horizon> {
  const zone = await checkServer(connection);
  const isTime = !NUMBERS.has(request.type.kind);
  const largest = isTime ? undefined : await connection.query(request.largestSql);
  let activity = await look(connection, request.user);
  const before = parseMemory(request.former);
  const moment = isTime
    ? await momentOfTime(connection, request.type, zone, activity.nowMicros - MARGIN_MICROS)
    : momentOfNumber(largest?.[0]?.[0], activity.nowMicros);
  let memory = planHorizon(moment === undefined ? before : addMoment(before, moment), activity);
  const giveUpMs = Math.min(Date.now() + PATIENCE_MS, request.deadlineMs - LAST_LOOK_MS);
  while (memory.pending.length > 0 && Date.now() < giveUpMs) {
    await sleep(LOOK_EVERY_MS);
    activity = await look(connection, request.user);
    memory = planHorizon(memory, activity);
  }
  const oldest = isTime ? planOldest(activity) : undefined;
  const early =
    oldest === undefined
      ? undefined
      : await momentOfTime(connection, request.type, zone, oldest - MARGIN_MICROS);
  const starts = [...activity.statementMicros, ...activity.writers.map(({ startedMicros }) => startedMicros)];
  return {
    until: later(memory.final, early?.until),
    memory: formatMemory(memory),
    oldestOpenMs: starts.length === 0 ? undefined : Math.floor(Math.min(...starts) / 1000),
  };
}

const NUMBERS: ReadonlySet<ColumnType['kind']> = new Set(['int32', 'int64', 'decimal']);

async function look(connection: MysqlConnection, user: string): Promise<Activity> {
  try {
    const activity = await readActivity(connection);
    if (activity !== 'standby') return activity;
  } catch (error) {
    if ((error as { errno?: unknown }).errno !== DENIED) throw error;
    throw noHorizon(
      `the user "${user}" may not see the transactions of others`,
      `GRANT PROCESS ON *.* TO '${user}'@'%' (with the host part that the user has)`,
    );
  }
  throw standby();
}

/** @returns the time zone that sessions have if they set none */
async function checkServer(connection: MysqlConnection): Promise<string> {
  const variables = new Map(
    (
      await connection.query(
        "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('read_only', 'innodb_read_only', 'time_zone', 'wsrep_on', " +
          "'group_replication_group_name', 'group_replication_single_primary_mode')",
      )
    ).map(([name, value]) => [name?.toLowerCase() ?? '', value ?? '']),
  );
  // MariaDB 12 has more words for a read-only server than ON.
  const readOnly = variables.get('read_only') ?? 'OFF';
  if ((readOnly !== 'OFF' && readOnly !== '0') || variables.get('innodb_read_only') === 'ON') throw standby();
  const severalWriters =
    variables.get('wsrep_on') === 'ON' ||
    ((variables.get('group_replication_group_name') ?? '') !== '' &&
      variables.get('group_replication_single_primary_mode') === 'OFF');
  if (severalWriters)
    throw noHorizon(
      'several servers of a cluster (Galera, or group replication with several primaries) accept writes, and none knows ' +
        'the open transactions of the others',
      'Have one of them accept writes',
    );
  return variables.get('time_zone') ?? 'SYSTEM';
}

function momentOfNumber(largest: string | null | undefined, nowMicros: number): Moment | undefined {
  if (largest === undefined || largest === null) return undefined;
  const next = BigInt(largest.split('.')[0] ?? 0) + 1n;
  // Whoever had got a number up to the largest one ran a statement by then.
  return { until: String(next), micros: nowMicros + SLACK_MICROS, writersUpTo: undefined };
}

const QUARTER_HOUR_MICROS = 900e6;

/**
 * The bound of a time: no row gets an earlier one from `micros` on.
 *
 * A DATETIME or DATE that the database fills has the time of the writer's session, which is that of the server unless it
 * sets one. Where clocks are put back soon, the bound is the time that they are put back to: times come again.
 */
async function momentOfTime(
  connection: MysqlConnection,
  type: ColumnType,
  zone: string,
  micros: number,
): Promise<Moment> {
  const moment = { micros: micros + SLACK_MICROS, writersUpTo: undefined };
  if (type.kind === 'timestamp') return { ...moment, until: formatMicros(BigInt(Math.floor(micros)), '+00') };
  const ahead = Array.from(
    { length: 13 },
    (_, i) => (Math.ceil(micros / QUARTER_HOUR_MICROS) + i) * QUARTER_HOUR_MICROS,
  );
  const texts = [micros, ...ahead].map(
    (at) =>
      `CONVERT_TZ('${formatMicros(BigInt(Math.floor(at)), '')}', '+00:00', '${zone.replaceAll("'", '')}')`,
  );
  const [locals = []] = await connection.query(`SELECT ${texts.join(', ')}`);
  const localMicros = locals.map((text) => parseMicros(text ?? ''));
  let least = localMicros[0];
  for (const local of localMicros)
    if (local !== undefined && least !== undefined && local < least) least = local;
  if (least === undefined)
    throw noHorizon(`the time zone "${zone}" of the server is not known to it`, 'Load its time zone tables');
  if (type.kind === 'date') return { ...moment, until: formatDay(Number(least / 86_400_000_000n)) };
  return { ...moment, until: formatMicros(least, '') };
}

/** The later of two bounds of times; the only one of numbers. */
function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return (parseMicros(a) ?? 0n) >= (parseMicros(b) ?? 0n) ? a : b;
}
