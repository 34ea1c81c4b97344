import { landingCommits } from '../../domain/cost/model-landing.ts';
import { streamBatches } from '../../domain/cost/model-stream.ts';
import { HOURS_PER_MONTH, SECONDS_PER_MONTH } from '../../domain/cost/metering.ts';
import { priceUsage } from '../../domain/cost/price-usage.ts';
import type { Usage } from '../../domain/cost/usage.ts';
import type { Finding } from '../../domain/plan/finding.ts';
import { toConfigTime, toPercent, toUsd } from '../../domain/plan/words.ts';
import type { SourceConfig } from '../schema.ts';
import { toMs } from '../units.ts';
import { otherPattern } from './options-of-source.ts';
import { retentionHoursOf, shardUsage } from './plan-lanes.ts';
import { hasTooManyShards, utilisationOf } from './plan-resources.ts';
import { streamOf } from './planned-design.ts';
import { usdOf, withSource, type SourceFacts } from './source-facts.ts';

type Trapped = (Pick<Finding, 'field' | 'says' | 'next'> & { readonly usdPerMonth: number }) | undefined;

/** A way to pay for nothing, as it can be seen in the declaration. */
export interface Trap {
  readonly id: string;
  /** For the reference. */
  readonly says: string;
  /**
   * @param others the other sources of the deployment
   * @returns what is wrong and the US dollars a month at stake; undefined where it is not
   */
  readonly find: (facts: SourceFacts, others: readonly SourceFacts[]) => Trapped;
}

/** Below this a month nobody looks. */
const MIN_USD = 0.5;
const MINUTE_MS = 60_000;
const DAYS_PER_MONTH = SECONDS_PER_MONTH / 86_400;
const USUAL_BATCH = 500;
/** Requests with fewer records than this are paid by the request more than by the byte. */
const FEW_RECORDS = 10;
/** Files smaller than this cost more to open than to read. */
const SMALL_FILE_BYTES = 1e6;
const MANY_FILES_PER_DAY = 1_000;
/** What gzip makes of CSV and JSON; measured 4.2 on the events of the benchmarks. */
const TEXT_COMPRESSION = 4.2;
/** SSM, SQS and the scheduler: S3 and DynamoDB have gateways without a price. */
const ENDPOINTS = 3;
const IDLE_UTILISATION = 0.05;

const usdFor = ({ prices }: SourceFacts, usage: Usage): number => priceUsage(usage, prices).usd;

export const TRAPS: readonly Trap[] = [
  {
    id: 'streaming-where-batch-would-do',
    says: 'A source is streamed by hand, and collected it would be fresh enough and cost less.',
    find: (facts: SourceFacts): Trapped => {
      const { source, name, priced } = facts;
      if (source.type !== 'push' && source.type !== 'webhook') return undefined;
      if (
        source.pattern !== 'stream' ||
        source.orderBy !== undefined ||
        toMs(source.freshness) < 2 * MINUTE_MS
      )
        return undefined;
      const other = otherPattern({ ...facts, ...priced });
      if (other === undefined) return undefined;
      return {
        field: `sources.${name}.pattern`,
        says: `"stream" was set by hand; collected in micro-batches it would be as fresh as "${source.freshness}" asks and cost ${toUsd(other.usdPerMonth)} instead of ${toUsd(priced.usdPerMonth)} a month`,
        next: 'remove `pattern`',
        usdPerMonth: priced.usdPerMonth - other.usdPerMonth,
      };
    },
  },
  {
    id: 'stream-that-idles',
    says: "A stream of a source's own is paid by the hour and next to empty.",
    find: (facts: SourceFacts): Trapped => {
      const { source, name, resources, priced } = facts;
      const stream = streamOf(name, resources);
      if (source.type !== 'stream' || stream === undefined || utilisationOf(stream) >= IDLE_UTILISATION)
        return undefined;
      return {
        field: `sources.${name}.type`,
        says: `a stream of its own is filled to ${toPercent(utilisationOf(stream))}, and paid by the hour`,
        next: 'have producers push to the HTTP API (type: "push"): small sources share a stream, or need none',
        usdPerMonth: Math.min(
          priced.usdPerMonth,
          stream.shards * usdFor(facts, shardUsage(retentionHoursOf(resources.config))),
        ),
      };
    },
  },
  {
    id: 'single-record-requests',
    says: 'Requests with a record or a few each: the request is paid, not the byte.',
    find: (facts: SourceFacts): Trapped => {
      const { source, name, declared, prices, priced, workload } = facts;
      if (source.type === 'stream') {
        // A record is billed as 25 KB, however small it is.
        if (workload.recordBytes > 12_500) return undefined;
        const packed = (priced.usage.kinesisPutUnit ?? 0) * (workload.recordBytes / 25_600);
        return {
          field: `sources.${name}.type`,
          says: `producers put records of ${String(workload.recordBytes)} bytes one by one, and each is billed as 25 KB`,
          next: 'aggregate them (KPL), or push them with the client library, which packs them into frames',
          usdPerMonth: usdFor(facts, { kinesisPutUnit: (priced.usage.kinesisPutUnit ?? 0) - packed }),
        };
      }
      if (source.type !== 'push' || workload.recordsPerRequest >= FEW_RECORDS) return undefined;
      const declaredFew = source.recordsPerRequest !== undefined;
      if (!declaredFew) return undefined;
      const batched = usdOf(
        name,
        withSource(declared, name, { ...source, recordsPerRequest: USUAL_BATCH }),
        prices,
      );
      return {
        field: `sources.${name}.recordsPerRequest`,
        says: `${String(workload.recordsPerRequest)} record${workload.recordsPerRequest === 1 ? '' : 's'} in a request: API Gateway, Lambda and logs are paid by the request`,
        next: `collect ${String(USUAL_BATCH)} records in a request, as the client library does (clients/typescript): ${toUsd(batched ?? 0)} instead of ${toUsd(priced.usdPerMonth)} a month`,
        usdPerMonth: priced.usdPerMonth - (batched ?? priced.usdPerMonth),
      };
    },
  },
  {
    id: 'too-many-small-files',
    says: 'Commits so often that files are small: each is paid to write and to open.',
    find: (facts: SourceFacts): Trapped => {
      const { name, workload, options, priced, source } = facts;
      const perDay = commitsPerMonth(facts) * workload.partitionsPerCommit * (1 / DAYS_PER_MONTH);
      const bytes = workload.rawBytesPerMonth / workload.parquetCompression / (perDay * DAYS_PER_MONTH);
      if (bytes >= SMALL_FILE_BYTES || perDay < MANY_FILES_PER_DAY) return undefined;
      const size =
        bytes < 10_000 ? `${(bytes / 1000).toPrecision(2)} kB` : `${String(Math.round(bytes / 1000))} kB`;
      const stream = streamOf(name, facts.resources);
      const isHurried = stream !== undefined && stream.freshnessMs < toMs(source.freshness);
      const slower = options.find(
        (option) => option.askedMs > toMs(source.freshness) && option.usdPerMonth < priced.usdPerMonth * 0.99,
      );
      return {
        field: `sources.${name}.${isHurried ? 'pattern' : 'freshness'}`,
        says:
          `${String(Math.round(perDay))} files a day of ${size}: ` +
          (isHurried
            ? `the stream that it shares is read every ${String(stream.eventSource.maxBatchingWindowSeconds)} s, for a fresher source`
            : `"${source.freshness}" and this volume leave no time to collect more`),
        next: isHurried
          ? `if the lake is queried a lot, set pattern: "micro-batch": larger files, for more than the ${toUsd(priced.usdPerMonth)} a month that this costs`
          : slower === undefined
            ? 'ask for an older freshness'
            : `ask for "${toConfigTime(slower.askedMs)}", if that is enough: ${toUsd(slower.usdPerMonth)} instead of ${toUsd(priced.usdPerMonth)} a month`,
        usdPerMonth: usdFor(facts, { s3Put: perDay * DAYS_PER_MONTH }),
      };
    },
  },
  {
    id: 'redundant-ingestion',
    says: 'Two sources read the same place.',
    find: (facts: SourceFacts, others: readonly SourceFacts[]): Trapped => {
      const place = placeOf(facts.source);
      if (place === undefined) return undefined;
      // Said of the later one.
      const at = others.findIndex(({ name }) => name === facts.name);
      const same = others
        .slice(0, at)
        .find(({ source }) => placeOf(source) !== undefined && isSamePlace(placeOf(source) ?? '', place));
      if (same === undefined) return undefined;
      return {
        field: `sources.${facts.name}.${fieldOfPlace(facts.source)}`,
        says: `the same as that of ${same.name}: what comes from there is read, landed and kept twice`,
        next: 'read it once, and make what differs a view of the lake',
        usdPerMonth: Math.min(facts.priced.usdPerMonth, same.priced.usdPerMonth),
      };
    },
  },
  {
    id: 'inefficient-format',
    says: 'Files are text and not compressed.',
    find: (facts: SourceFacts): Trapped => {
      const { source, name, answers } = facts;
      if (source.type !== 'files' || source.format.type === 'parquet') return undefined;
      const isCompressed =
        source.compression === 'gzip' ||
        source.compression === 'zstd' ||
        /\.(gz|zst|zstd)\b/.test(source.pattern);
      if (isCompressed) return undefined;
      const gbPerMonth = answers.gbPerDay * DAYS_PER_MONTH;
      return {
        field: `sources.${name}.format`,
        says: `${source.format.type} without compression: four times the bytes to keep and to read than with gzip, more than Parquet`,
        next: 'have them written as Parquet, or compressed with gzip or zstd; the amount is what each month of them costs in S3 for every month it is kept',
        usdPerMonth: usdFor(facts, { s3GbMonth: gbPerMonth * (1 - 1 / TEXT_COMPRESSION) }),
      };
    },
  },
  {
    id: 'nat-gateway',
    says: 'A function in a VPC that reaches AWS through a NAT gateway pays for it by the hour and by the GB.',
    find: (facts: SourceFacts, others: readonly SourceFacts[]): Trapped => {
      const { source, name, answers } = facts;
      if (!('connection' in source) || source.connection.network === undefined) return undefined;
      // All sources in a network share one function; said of the first.
      const first = others.find(
        ({ source: each }) => 'connection' in each && each.connection.network !== undefined,
      );
      if (first?.name !== name) return undefined;
      const nat = usdFor(facts, {
        natHour: HOURS_PER_MONTH,
        natGb: (answers.gbPerDay * DAYS_PER_MONTH) / facts.workload.parquetCompression,
      });
      const endpoints = usdFor(facts, { endpointHour: ENDPOINTS * HOURS_PER_MONTH });
      return {
        field: `sources.${name}.connection.network`,
        says: `if these subnets reach AWS through a NAT gateway, that costs ${toUsd(nat)} a month; nothing that Headgate does needs one`,
        next: `gateway endpoints for S3 and DynamoDB (no charge) and interface endpoints for SSM, SQS and EventBridge Scheduler (${toUsd(endpoints)} a month in one zone)`,
        usdPerMonth: nat,
      };
    },
  },
  {
    id: 'cross-zone-traffic',
    says: 'A function that may stand in another zone than the writer pays for every GB between them.',
    find: (facts: SourceFacts): Trapped => {
      const { source, name, answers } = facts;
      if (!('connection' in source) || (source.connection.network?.subnets.length ?? 0) < 2) return undefined;
      const gb = answers.gbPerDay * DAYS_PER_MONTH;
      return {
        field: `sources.${name}.connection.network.subnets`,
        says: 'several subnets: the function may stand in another zone than the writer, and each GB is paid on both sides',
        next: 'name the one subnet in the zone of the writer',
        usdPerMonth: usdFor(facts, { crossZoneGb: 2 * gb }),
      };
    },
  },
  {
    id: 'over-provisioned-shards',
    says: 'More shards than the volume fills to 60 %.',
    find: (facts: SourceFacts): Trapped => {
      const { name, resources } = facts;
      const stream = streamOf(name, resources);
      if (stream?.sources[0] !== name || !hasTooManyShards(stream)) return undefined;
      const isOwn = facts.source.type === 'stream';
      return {
        field: isOwn ? `sources.${name}.shards` : 'ingest.shards',
        says: `${String(stream.shards)} shards are filled to ${toPercent(utilisationOf(stream))} on average; ${String(stream.plannedShards)} would be filled to 60 % at most`,
        next: `remove it, and ${String(stream.plannedShards)} ${stream.plannedShards === 1 ? 'is' : 'are'} planned; keep it if peaks are that much higher`,
        usdPerMonth:
          (stream.shards - stream.plannedShards) *
          usdFor(facts, shardUsage(retentionHoursOf(resources.config))),
      };
    },
  },
  {
    id: 'chatty-logs',
    says: 'The log lines of requests and runs cost a tenth of everything and more.',
    find: (facts: SourceFacts): Trapped => {
      const { name, priced, source } = facts;
      const logs = usdFor(facts, { cloudWatchLogGb: priced.usage.cloudWatchLogGb ?? 0 });
      if (logs < priced.usdPerMonth / 10) return undefined;
      const [field, what, next] =
        source.type === 'push'
          ? ['recordsPerRequest', 'request', 'put more records into a request']
          : source.type === 'webhook'
            ? ['type', 'delivery', 'if the service can collect events or select them, have it do so']
            : ['freshness', 'batch or run', 'ask for an older freshness'];
      return {
        field: `sources.${name}.${field}`,
        says: `${toUsd(logs)} a month are for lines in logs: one for each ${what}`,
        next,
        usdPerMonth: logs,
      };
    },
  },
];

/** The traps of a deployment, those with the most money first. What was measured will add its own. */
export function findTraps(all: readonly SourceFacts[]): readonly (Finding & { readonly source: string })[] {
  return all
    .flatMap((facts) =>
      TRAPS.flatMap((trap) => {
        const found = trap.find(facts, all);
        if (found === undefined || found.usdPerMonth < MIN_USD) return [];
        return [{ id: trap.id, level: 'warning' as const, source: facts.name, ...found }];
      }),
    )
    .sort((a, b) => b.usdPerMonth - a.usdPerMonth);
}

/** Commits that write files, in a month. */
function commitsPerMonth({ priced: { design }, workload }: SourceFacts): number {
  switch (design.kind) {
    case 'stream':
      return streamBatches(workload, design).own;
    case 'landing':
      return landingCommits(workload, design.windowMinutes).commits;
    case 'pull':
    case 'extract':
    case 'log-slice':
      return SECONDS_PER_MONTH / 60 / design.everyMinutes;
    case 'queue':
      return SECONDS_PER_MONTH / Math.max(1, design.batchingWindowSeconds);
    case 'log-task':
      return SECONDS_PER_MONTH / design.windowSeconds;
  }
}

/** Where a source is read from, as text that is equal for the same place. */
function placeOf(source: SourceConfig): string | undefined {
  switch (source.type) {
    case 'http':
      return `http ${JSON.stringify([source.url, source.query, source.body ?? null, source.recordsPath ?? null])}`;
    case 'files':
      return `files ${source.format.type} ${source.pattern} ${source.location}`;
    case 'postgres':
    case 'mysql': {
      const { host, database } = source.connection;
      return `table ${JSON.stringify([host, database, source.table ?? source.query])}`;
    }
    case 'push':
    case 'webhook':
    case 'stream':
      return undefined;
  }
}

/** A folder holds what is in the folders below it; everything else is the same or is not. */
function isSamePlace(a: string, b: string): boolean {
  if (!a.startsWith('files ')) return a === b;
  return a.startsWith(b) || b.startsWith(a);
}

const fieldOfPlace = (source: SourceConfig): string =>
  source.type === 'http' ? 'url' : source.type === 'files' ? 'location' : 'table';
