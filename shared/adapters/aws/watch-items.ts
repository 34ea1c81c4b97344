import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { WATCH_PREFIX } from '../../domain/watch/watch-prefix.ts';

/*
 * What the hourly watch keeps, in the ledger's table: partition key `watch/<source>`, which is no lane's; sort key
 * `findings` for what it last found, and `cost#<hour>` for what an hour has cost.
 */

const HOUR_DIGITS = 8;

type Key = Record<'lane' | 'entry', AttributeValue>;

export const findingsKey = (source: string): Key => ({
  lane: { S: WATCH_PREFIX + source },
  entry: { S: 'findings' },
});

export const costKey = (source: string, hour: number): Key => ({
  lane: { S: WATCH_PREFIX + source },
  entry: { S: `cost#${String(hour).padStart(HOUR_DIGITS, '0')}` },
});

/** The hour that the item of a cost is about. */
export const hourOfCost = (item: Readonly<Record<string, AttributeValue>>): number =>
  Number(item['entry']?.S?.slice(-HOUR_DIGITS));
