import type { Pattern } from '../cost/design.ts';

/** The types of sources. */
type SourceType = 'push' | 'webhook' | 'stream' | 'http' | 'files' | 'postgres' | 'mysql';

/**
 * How changes of a table are found: by a column that grows (`cursor`), in a table that a trigger writes (`change-log`),
 * or by reading everything again (`whole`). What is not a table has `events`: each record is new.
 */
export type Detection = 'events' | 'whole' | 'cursor' | 'change-log';

/** The five answers about a source, as the rules look at them. */
export interface Answers {
  readonly source: string;
  /** Question 1. */
  readonly freshnessMs: number;
  /** Question 2: GB (1e9 bytes of raw JSON) a day. */
  readonly gbPerDay: number;
  /** Question 3. */
  readonly type: SourceType;
  /** Question 4. */
  readonly changes: 'append' | 'upserts' | 'upserts-and-deletes';
  readonly detection: Detection;
  /** Deletes are looked for by comparing keys. */
  readonly findsDeletes: boolean;
  /** Question 5, US dollars per GB and per month. */
  readonly budget: { readonly usdPerGb?: number | undefined; readonly usdPerMonth?: number | undefined };
  /** Records that are equal in some fields keep their order. */
  readonly isOrdered: boolean;
  /** What the user chose by hand. */
  readonly byHand: 'stream' | 'micro-batch' | undefined;
  /** Something tells when there is something new: it is read within seconds. */
  readonly isNotified: boolean;
  /** Minutes between two reads; undefined where nothing is read. */
  readonly everyMinutes: number | undefined;
}

/** Whether records are sent to Headgate, or fetched by it. */
export function isFetched({ type }: Pick<Answers, 'type'>): boolean {
  return type === 'http' || type === 'files' || isDatabase({ type });
}

/** Whether a source is a table of a database. */
export function isDatabase({ type }: Pick<Answers, 'type'>): boolean {
  return type === 'postgres' || type === 'mysql';
}

/** Whether records of a source are received over HTTP. */
export function isReceived({ type }: Pick<Answers, 'type'>): boolean {
  return type === 'push' || type === 'webhook';
}

/** Patterns, as people say them. */
export const PATTERN_NAMES: Readonly<Record<Pattern, string>> = {
  stream: 'stream',
  'micro-batch': 'micro-batch landing',
  batch: 'batch pull',
  'log-cdc': 'log CDC',
  'trigger-cdc': 'trigger CDC',
  'query-cdc': 'query CDC',
};
