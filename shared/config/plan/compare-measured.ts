import type { MeasuredSource } from '../../domain/cost/measured-source.ts';
import { priceUsage } from '../../domain/cost/price-usage.ts';
import { PRICES, type PriceTable } from '../../domain/cost/prices.ts';
import type { Workload } from '../../domain/cost/workload.ts';
import type { Finding } from '../../domain/plan/finding.ts';
import { toConfigTime, toGb, toPercent, toTime, toUsd } from '../../domain/plan/words.ts';
import type { HeadgateConfig, SourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { volumeFactor } from './at-freshness.ts';
import { planResources, type ResourcePlan } from './plan-resources.ts';
import { plannedDesign } from './planned-design.ts';
import { priceDesign } from './price-source.ts';
import { withSource } from './source-facts.ts';
import { gbPerDayOf, toWorkload } from './to-workload.ts';

/** How often somebody has queried a source's table. */
export interface MeasuredReads {
  readonly queries: number;
  readonly days: number;
}

/** One source as it is declared and deployed, and as it was found. */
interface Compared {
  readonly name: string;
  readonly declared: HeadgateConfig;
  readonly source: SourceConfig;
  readonly resources: ResourcePlan;
  readonly prices: PriceTable;
  readonly measured: MeasuredSource;
  /** Undefined where nothing is known of queries. */
  readonly reads: MeasuredReads | undefined;
  /** What was measured as a workload. */
  readonly workload: Workload;
  /** What it costs in a month as it is deployed, with what really comes. */
  readonly usdPerMonth: number;
}

type Found = Pick<Finding, 'field' | 'says' | 'next' | 'usdPerMonth'> | undefined;

/** Something that was measured to be otherwise than it was declared, or to be paid for nothing. */
interface Redecision {
  readonly id: string;
  /** For the reference. */
  readonly says: string;
  readonly find: (compared: Compared) => Found;
}

/** Volumes and sizes that differ by less are what a declaration is good for. */
const MIN_FACTOR = 1.5;
/** Less money than this a month is not worth a change. */
const MIN_USD = 0.5;
const FEW_RECORDS = 10;
const USUAL_BATCH = 500;
/** Files smaller than this cost more to open than to read. */
const SMALL_FILE_BYTES = 1e6;
const MANY_FILES_PER_DAY = 1_000;
const DAYS_PER_MONTH = 730 / 24;
const DAY_MS = 86_400_000;
/** What has been read this seldom per query need not be fresher than a part of the time between two queries. */
const FRESH_PART = 4;
/** Days without a query after which nobody reads a table. */
const UNREAD_DAYS = 14;
/** What is kept for the case that somebody will ask. */
const ARCHIVED_FRESHNESS = '1 day';

const REDECISIONS: readonly Redecision[] = [
  {
    id: 'volume-differs',
    says: 'What comes differs from the declared volume by half and more: shards, schedules and patterns follow from it.',
    find: ({ name, declared, source, measured, prices, usdPerMonth }: Compared): Found => {
      const gbPerDay = gbPerDayOf(source);
      if (isLike(measured.gbPerDay, gbPerDay)) return undefined;
      const volume = toVolume(measured);
      const planned = usdWith({ declared, source, measured, prices, name }, {});
      return {
        field: `sources.${name}.volume`,
        says:
          `${toGb(gbPerDay)} a day are declared, and ${toGb(measured.gbPerDay)} came: as it is deployed that costs ` +
          `${toUsd(usdPerMonth)} a month, planned for it ${toUsd(planned)}`,
        next: `declare volume: ${JSON.stringify(volume)}`,
        usdPerMonth: usdPerMonth - planned,
      };
    },
  },
  {
    id: 'record-size-differs',
    says: 'Records are larger or smaller than declared by half and more.',
    find: ({ name, source, measured: { recordBytes, gbPerDay } }: Compared): Found => {
      const declared = 'recordBytes' in source.volume ? source.volume.recordBytes : undefined;
      // Where the volume differs as well, it is declared anew together with the size.
      if (declared === undefined || recordBytes === undefined || isLike(recordBytes, declared))
        return undefined;
      if (!isLike(gbPerDay, gbPerDayOf(source))) return undefined;
      return {
        field: `sources.${name}.volume.recordBytes`,
        says: `records of ${String(declared)} bytes are declared, and they have ${String(Math.round(recordBytes))}`,
        next: `declare recordBytes: ${String(Math.round(recordBytes))}`,
        usdPerMonth: 0,
      };
    },
  },
  {
    id: 'few-records-in-requests',
    says: 'Requests have a record or a few each: the request is paid, not the byte.',
    find: ({ name, source, resources, prices, measured, workload, usdPerMonth }: Compared): Found => {
      const { recordsPerRequest } = measured;
      if (source.type !== 'push' || recordsPerRequest === undefined || recordsPerRequest >= FEW_RECORDS)
        return undefined;
      const batched = { ...workload, recordsPerRequest: USUAL_BATCH };
      const usd = priceDesign(source, batched, plannedDesign(name, resources), prices).usdPerMonth;
      return {
        field: `sources.${name}.recordsPerRequest`,
        says: `requests had ${recordsPerRequest.toFixed(1)} records on average; with ${String(USUAL_BATCH)} in each it would cost ${toUsd(usd)} instead of ${toUsd(usdPerMonth)} a month`,
        next: 'have senders collect records: the client library does, with `push`',
        usdPerMonth: usdPerMonth - usd,
      };
    },
  },
  {
    id: 'later-than-asked',
    says: 'Records reach the lake later than the freshness asks.',
    find: ({ name, source, measured: { latency } }: Compared): Found => {
      if (latency === undefined || latency.p99Ms <= toMs(source.freshness)) return undefined;
      return {
        field: `sources.${name}.freshness`,
        says: `"${source.freshness}" are asked, and the slowest hundredth of the records took ${toTime(latency.p99Ms)} and more`,
        next: 'see what holds it up in docs/operations.md ("The lake is late"), or declare what is enough',
        usdPerMonth: undefined,
      };
    },
  },
  {
    id: 'fresher-than-read',
    says: 'A source is kept much fresher than its table is queried.',
    find: ({ name, declared, source, prices, measured, reads, usdPerMonth }: Compared): Found => {
      if (reads === undefined || reads.queries === 0) return undefined;
      const betweenMs = (reads.days * DAY_MS) / reads.queries;
      const enoughMs = Math.min(DAY_MS, Math.floor(betweenMs / FRESH_PART / 60_000) * 60_000);
      if (enoughMs <= 2 * toMs(source.freshness)) return undefined;
      const freshness = toConfigTime(enoughMs);
      const usd = usdWith({ declared, source, measured, prices, name }, { freshness });
      return {
        field: `sources.${name}.freshness`,
        says: `its table was queried every ${toTime(betweenMs)} on average, and is kept fresh within ${source.freshness}`,
        next: `ask for freshness: "${freshness}", if nobody reads it in other ways`,
        usdPerMonth: usdPerMonth - usd,
      };
    },
  },
  {
    id: 'read-by-nobody',
    says: 'Nobody has queried the table of a source.',
    find: ({ name, declared, source, measured, prices, reads, usdPerMonth }: Compared): Found => {
      if (reads === undefined || reads.queries > 0 || reads.days < UNREAD_DAYS) return undefined;
      const archived = usdWith(
        { declared, source, measured, prices, name },
        { freshness: ARCHIVED_FRESHNESS },
      );
      const saved = usdPerMonth - archived;
      const archive =
        saved < MIN_USD || toMs(source.freshness) >= DAY_MS
          ? []
          : [
              `archive it with sources.${name}: { freshness: "${ARCHIVED_FRESHNESS}" }, which lands it all the same and saves ${toUsd(saved)} a month`,
            ];
      const pause =
        'pauseAfterFailures' in source
          ? [`stop reading it with "npx headgate pause ${name}" until somebody asks`]
          : [];
      return {
        field: `sources.${name}`,
        says: `no query of Athena named its table in ${String(Math.floor(reads.days))} days, and it costs ${toUsd(usdPerMonth)} a month`,
        next: [
          'ask who needs it (Spark, DuckDB and direct reads of S3 are not seen)',
          ...archive,
          ...pause,
          'or remove the source: what has landed stays, and ages into cheaper classes (`retention`)',
        ].join('; '),
        usdPerMonth,
      };
    },
  },
  {
    id: 'many-small-files',
    says: 'Many files below a megabyte: each is paid to write and to open.',
    find: ({ name, measured: { bytesPerFile, filesPerDay }, prices, workload }: Compared): Found => {
      if (bytesPerFile === undefined || bytesPerFile >= SMALL_FILE_BYTES || filesPerDay < MANY_FILES_PER_DAY)
        return undefined;
      const parquetPerDay = workload.rawBytesPerMonth / DAYS_PER_MONTH / workload.parquetCompression;
      const spare = Math.max(0, filesPerDay - parquetPerDay / SMALL_FILE_BYTES) * DAYS_PER_MONTH;
      return {
        field: `sources.${name}.partition`,
        says: `${String(Math.round(filesPerDay))} files a day of ${String(Math.round(bytesPerFile / 1000))} kB were written`,
        next: 'choose a coarser `partition`, or an older freshness, so that more records are in a commit',
        // Written once, and opened once by somebody.
        usdPerMonth: priceUsage({ s3Put: spare, s3Get: spare }, prices).usd,
      };
    },
  },
  {
    id: 'logs-cost-much',
    says: 'The log lines of a source cost a tenth of everything and more.',
    find: ({ name, source, measured: { logGbPerDay = 0 }, prices, usdPerMonth }: Compared): Found => {
      const usd = priceUsage({ cloudWatchLogGb: logGbPerDay * DAYS_PER_MONTH }, prices).usd;
      if (usd < usdPerMonth / 10) return undefined;
      const [field, next] =
        source.type === 'push'
          ? ['recordsPerRequest', 'put more records into a request: each request has its lines']
          : source.type === 'webhook'
            ? ['type', 'if the service can collect events or select them, have it do so']
            : ['freshness', 'ask for an older freshness: each run has its lines'];
      return {
        field: `sources.${name}.${field}`,
        says: `${toGb(logGbPerDay)} of log lines a day were written, ${toUsd(usd)} of the ${toUsd(usdPerMonth)} a month that it costs`,
        next: `${next}; see first whether an error repeats in them`,
        usdPerMonth: usd,
      };
    },
  },
  {
    id: 'no-duplicates-found',
    says: 'Claims of records are paid for, and no record came twice.',
    find: ({ name, declared, source, measured, prices, usdPerMonth }: Compared): Found => {
      if (source.type !== 'push' || source.dedupe !== 'record' || measured.duplicates !== 0) return undefined;
      const usd = usdWith({ declared, source, measured, prices, name }, { dedupe: 'request' });
      return {
        field: `sources.${name}.dedupe`,
        says: `none of ${String(measured.records)} records was there before; claiming each of them costs more than claiming requests`,
        next: 'set dedupe: "request" if no sender puts a record into two requests',
        usdPerMonth: usdPerMonth - usd,
      };
    },
  },
];

/**
 * What to decide anew about a source, by what was measured, the most money first. Changes that would cost more are among
 * them, with what they cost, where less was declared than comes.
 */
export function compareMeasured(
  declared: HeadgateConfig,
  measured: MeasuredSource,
  reads: MeasuredReads | undefined,
  prices: PriceTable = PRICES,
): readonly Finding[] {
  const name = measured.source;
  const source = declared.sources[name];
  if (source === undefined) return [];
  const resources = planResources(declared);
  const workload = toMeasuredWorkload(source, measured);
  const usdPerMonth = priceDesign(source, workload, plannedDesign(name, resources), prices).usdPerMonth;
  const compared = { name, declared, source, resources, prices, measured, reads, workload, usdPerMonth };
  return REDECISIONS.flatMap(({ id, find }): Finding[] => {
    const found = find(compared);
    if (found === undefined) return [];
    // Less is not worth it; that a declaration is wrong is said all the same.
    const isWorthIt = found.usdPerMonth === undefined || ALWAYS_SAID.has(id) || found.usdPerMonth >= MIN_USD;
    return isWorthIt ? [{ id, level: 'warning', ...found }] : [];
  }).sort((a, b) => Math.abs(b.usdPerMonth ?? 0) - Math.abs(a.usdPerMonth ?? 0));
}

const ALWAYS_SAID: ReadonlySet<string> = new Set(['volume-differs', 'record-size-differs']);

/** What a source would cost in a month, planned for what really comes, with other answers. */
function usdWith(
  {
    name,
    declared,
    source,
    measured,
    prices,
  }: Pick<Compared, 'name' | 'declared' | 'source' | 'measured' | 'prices'>,
  answers: { readonly freshness?: string; readonly dedupe?: 'request' },
): number {
  const { recordsPerRequest } = measured;
  const { freshness = source.freshness, ...others } = answers;
  const gbPerDay = measured.gbPerDay * volumeFactor(source, freshness);
  const comes = { ...measured, gbPerDay };
  const changed = {
    ...source,
    ...others,
    freshness,
    volume: toVolume(comes),
    ...(source.type === 'push' &&
      recordsPerRequest !== undefined && { recordsPerRequest: Math.max(1, Math.round(recordsPerRequest)) }),
  } as SourceConfig;
  const resources = planResources(withSource(declared, name, changed));
  const workload = toMeasuredWorkload(changed, comes);
  return priceDesign(changed, workload, plannedDesign(name, resources), prices).usdPerMonth;
}

/** A declared source as a workload, with what was measured in place of what was declared or assumed. */
function toMeasuredWorkload(source: SourceConfig, measured: MeasuredSource): Workload {
  const { recordBytes, recordsPerRequest, frameCompression, parquetCompression } = measured;
  const declared = toWorkload({ ...source, volume: toVolume(measured) });
  return {
    ...declared,
    ...(recordBytes !== undefined && { recordBytes }),
    ...(recordsPerRequest !== undefined && { recordsPerRequest: Math.max(1, recordsPerRequest) }),
    ...(frameCompression !== undefined && { frameCompression }),
    ...(parquetCompression !== undefined && { parquetCompression }),
  };
}

/** What was measured as it is declared: two digits are what will hold next week. */
function toVolume({ gbPerDay, recordBytes }: MeasuredSource): { gbPerDay: number; recordBytes?: number } {
  const digits = (value: number): number => Number(value.toPrecision(2));
  return {
    gbPerDay: digits(gbPerDay),
    ...(recordBytes !== undefined && { recordBytes: Math.round(recordBytes) }),
  };
}

const isLike = (a: number, b: number): boolean => Math.max(a, b) / Math.min(a, b) < MIN_FACTOR;

/** What was measured of a source, in a sentence. */
export function describeMeasured(measured: MeasuredSource): string {
  const { gbPerDay, recordBytes, recordsPerRequest, frameCompression, parquetCompression, latency } =
    measured;
  return [
    `${toGb(gbPerDay)} a day`,
    recordBytes === undefined ? undefined : `records of ${String(Math.round(recordBytes))} bytes`,
    recordsPerRequest === undefined ? undefined : `${recordsPerRequest.toFixed(1)} in a request`,
    frameCompression === undefined ? undefined : `frames ${frameCompression.toFixed(1)} times smaller`,
    parquetCompression === undefined ? undefined : `Parquet ${parquetCompression.toFixed(1)} times smaller`,
    latency === undefined
      ? undefined
      : `in the lake after ${toTime(latency.p50Ms)} (p50), ${toTime(latency.p99Ms)} (p99)`,
    measured.duplicates === undefined ? undefined : `${toPercent(measured.duplicates)} duplicates`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}
