import { hash } from 'node:crypto';
import type { AttributeValue, Update } from '@aws-sdk/client-dynamodb';
import { COUNTS_PREFIX, SETTLED_NAMES, type SettledHour } from '../../domain/record-counts.ts';
import { COUNT_RETENTION_DAYS } from '../../ports/count-store.ts';

/*
 * Counts in the ledger's table: partition key `counts/<source>`, sort key `<hour>#a#<process>` for what a process has
 * accepted (`accepted`), and `<hour>#s#<lane>` for what a lane has settled (an attribute per count). Every lane has items of
 * its own, as it has one committer at a time: transactions on one item at the same time would be in each other's way.
 */

const HOUR_DIGITS = 8;
/** Files of the quarantine have a lane each; together they have so many items of an hour. */
const REPLAY_ITEMS = 64;
const LANE_DIGITS = 12;
const DAY_SECONDS = 86_400;

const padHour = (hour: number): string => String(hour).padStart(HOUR_DIGITS, '0');

type Key = Record<'lane' | 'entry', AttributeValue>;

export function acceptedKey(source: string, hour: number, process: string): Key {
  return { lane: { S: COUNTS_PREFIX + source }, entry: { S: `${padHour(hour)}#a#${process}` } };
}

function settledKey(source: string, hour: number, lane: string): Key {
  return { lane: { S: COUNTS_PREFIX + source }, entry: { S: `${padHour(hour)}#s#${itemOf(lane)}` } };
}

function itemOf(lane: string): string {
  const digest = hash('sha256', lane);
  return lane.startsWith('replay/quarantine/')
    ? `replay-${String(Number.parseInt(digest.slice(0, 8), 16) % REPLAY_ITEMS)}`
    : digest.slice(0, LANE_DIGITS);
}

/** First and last sort key of some hours, both included. */
export const hourBounds = (fromHour: number, toHour: number): readonly [string, string] => [
  padHour(fromHour),
  `${padHour(toHour)}#~`,
];

/** The hour that an item is about. */
export const hourOfItem = (item: Readonly<Record<string, AttributeValue>>): number =>
  Number(item['entry']?.S?.slice(0, HOUR_DIGITS));

/** Seconds since the epoch from which on an item may be removed. */
export const countExpiry = (nowMs: number): AttributeValue => ({
  N: String(Math.ceil(nowMs / 1000) + COUNT_RETENTION_DAYS * DAY_SECONDS),
});

/** The update that adds what a commit settles. */
export function toSettle(table: string, lane: string, settled: SettledHour, nowMs: number): Update {
  const counted = SETTLED_NAMES.filter((name) => settled[name] !== 0);
  return {
    TableName: table,
    Key: settledKey(settled.source, settled.hour, lane),
    UpdateExpression: `ADD ${counted.map((name) => `#${name} :${name}`).join(', ')} SET #expiresAt = :expiresAt`,
    ExpressionAttributeNames: {
      '#expiresAt': 'expiresAt',
      ...Object.fromEntries(counted.map((name) => [`#${name}`, name])),
    },
    ExpressionAttributeValues: {
      ':expiresAt': countExpiry(nowMs),
      ...Object.fromEntries(counted.map((name) => [`:${name}`, { N: String(settled[name]) }])),
    },
  };
}
