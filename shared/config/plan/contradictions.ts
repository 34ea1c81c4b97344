import { framesOf } from '../../domain/cost/model-edge.ts';
import { SECONDS_PER_MONTH } from '../../domain/cost/metering.ts';
import { recordsPerMonth } from '../../domain/cost/workload.ts';
import { isFetched } from '../../domain/plan/answers.ts';
import type { Finding } from '../../domain/plan/finding.ts';
import { toConfigTime, toGb, toPercent, toTime, toUsd } from '../../domain/plan/words.ts';
import { slowingOf } from '../slowing-of.ts';
import { toBytes, toMs } from '../units.ts';
import { hasTooFewShards, utilisationOf } from './plan-resources.ts';
import { streamOf } from './planned-design.ts';
import type { SourceFacts } from './source-facts.ts';

type Contradicted = Omit<Finding, 'id'> | undefined;

/** A way in which answers contradict each other, or what is deployed. */
export interface Contradiction {
  readonly id: string;
  /** For the reference. */
  readonly says: string;
  readonly find: (facts: SourceFacts) => Contradicted;
}

const MINUTE_MS = 60_000;
const DAY_SECONDS = 86_400;
/** What is slower than asked by less than this is within the precision of the model. */
const TOLERANCE = 1.1;

/** What is as fresh as seconds, by what is read. */
const SECONDS_INSTEAD = {
  http: '; for seconds have the other side push its records (type: "push" or "webhook")',
  files: '; for seconds have the bucket tell of new objects (notifications: true)',
  postgres: '; for seconds follow the log of the database with Debezium into a source of type "stream"',
  mysql: '; for seconds follow the log of the database with Debezium into a source of type "stream"',
};

/** The option that is as fresh as a time, at its price. */
const priceAt = ({ options }: SourceFacts, askedMs: number): string => {
  const option = options.find((each) => each.askedMs === askedMs);
  return option === undefined ? '' : ` (${toUsd(option.usdPerMonth)} a month)`;
};

/** Requests a second that senders make. */
const requestsPerSecond = ({ workload }: SourceFacts): number =>
  recordsPerMonth(workload) / workload.recordsPerRequest / SECONDS_PER_MONTH;

/** What a run needs for what has come since the last one, see `expectedFreshness`. */
const workMsOf = ({ answers, priced }: SourceFacts): number =>
  priced.freshness.p99Ms - (answers.everyMinutes ?? 0) * MINUTE_MS;

const needsLongerThanWindow = (facts: SourceFacts): boolean =>
  isFetched(facts.answers) &&
  !facts.answers.isNotified &&
  facts.answers.everyMinutes !== undefined &&
  workMsOf(facts) > facts.answers.everyMinutes * MINUTE_MS;

export const CONTRADICTIONS: readonly Contradiction[] = [
  {
    id: 'fresher-than-a-schedule',
    says: 'A source that Headgate reads cannot be fresher than a schedule: one minute.',
    find: (facts: SourceFacts): Contradicted => {
      const { answers, source, name } = facts;
      if (!isFetched(answers) || answers.isNotified || answers.freshnessMs >= MINUTE_MS) return undefined;
      const what = { http: 'an API is', files: 'files are', postgres: 'a table is', mysql: 'a table is' }[
        source.type as 'http' | 'files' | 'postgres' | 'mysql'
      ];
      return {
        level: 'error',
        field: `sources.${name}.freshness`,
        says: `"${source.freshness}" cannot be met: ${what} read on a schedule, each minute at the most`,
        next:
          `ask for "1 minute"${priceAt(facts, MINUTE_MS)}: that is what is deployed` +
          SECONDS_INSTEAD[source.type as keyof typeof SECONDS_INSTEAD],
      };
    },
  },
  {
    id: 'slower-than-asked',
    says: 'What is deployed is expected to be slower than the freshness.',
    find: (facts: SourceFacts): Contradicted => {
      const { answers, priced, name, source } = facts;
      if (isFetched(answers) && !answers.isNotified && answers.freshnessMs < MINUTE_MS) return undefined;
      if (needsLongerThanWindow(facts)) return undefined;
      const { p99Ms } = priced.freshness;
      // Schedules are as fine as minutes, so the time that a read takes comes on top of the freshness.
      if (p99Ms <= answers.freshnessMs * TOLERANCE + 2_000) return undefined;
      const isCollected = priced.design.kind === 'landing';
      return {
        level: isCollected ? 'error' : 'warning',
        field: `sources.${name}.${isCollected ? 'pattern' : 'freshness'}`,
        says: `the slowest 1 % of the records are expected to be ${toTime(p99Ms)} old when they are in the lake; "${source.freshness}" is asked for`,
        next: isCollected
          ? 'remove `pattern`, or set "stream"; or ask for "2 minutes" or more'
          : `ask for "${toConfigTime(Math.ceil(p99Ms / MINUTE_MS) * MINUTE_MS)}", which is what is deployed`,
      };
    },
  },
  {
    id: 'reads-never-catch-up',
    says: 'A function that needs longer for what comes between two reads than there is between them never catches up.',
    find: (facts: SourceFacts): Contradicted => {
      const { name, answers } = facts;
      if (!needsLongerThanWindow(facts)) return undefined;
      return {
        level: 'warning',
        field: `sources.${name}.volume`,
        says: `one function needs ${toTime(workMsOf(facts))} for what comes in ${toTime((answers.everyMinutes ?? 0) * MINUTE_MS)}: it never catches up, however old the lake may be`,
        next: 'declare it as several sources, each of a part; have several instances read it (`tasksMax`) where the source can be divided; or leave it to a tool that divides it over many machines',
      };
    },
  },
  {
    id: 'alarm-below-schedule',
    says: 'An alarm that fires between two reads fires for nothing.',
    find: ({ answers, source, name }: SourceFacts): Contradicted => {
      const { stoppedAfter } = source.alarms;
      if (stoppedAfter === undefined || answers.everyMinutes === undefined) return undefined;
      if (toMs(stoppedAfter) > answers.everyMinutes * MINUTE_MS) return undefined;
      const atLeast = toConfigTime(2 * answers.everyMinutes * MINUTE_MS);
      return {
        level: 'warning',
        field: `sources.${name}.alarms.stoppedAfter`,
        says: `"${stoppedAfter}" is not longer than the time between two reads, ${toTime(answers.everyMinutes * MINUTE_MS)}: the alarm fires between them`,
        next: `set "${atLeast}" or more`,
      };
    },
  },
  {
    id: 'latency-alarm-below-expected',
    says: 'A latency alarm below what is expected fires all the time.',
    find: ({ source, name, priced }: SourceFacts): Contradicted => {
      const { maxLatency } = source.alarms;
      if (maxLatency === undefined || toMs(maxLatency) >= priced.freshness.p99Ms) return undefined;
      return {
        level: 'warning',
        field: `sources.${name}.alarms.maxLatency`,
        says: `"${maxLatency}" is below the ${toTime(priced.freshness.p99Ms)} that the slowest 1 % are expected to take: the alarm fires all the time`,
        next: `raise it above ${toTime(priced.freshness.p99Ms)}, or ask for a shorter freshness`,
      };
    },
  },
  {
    id: 'budget-only-watched',
    says: 'A source that cannot be slowed down is only watched: over its monthly budget it has an alarm.',
    find: ({ source, name }: SourceFacts): Contradicted => {
      if (source.budget?.usdPerMonth === undefined || slowingOf(source) !== 'none') return undefined;
      const isReceived = source.type === 'push' || source.type === 'webhook';
      const [why, next] = isReceived
        ? ['orderBy keeps its records on the stream', 'remove `orderBy` to have it slowed down']
        : source.type === 'stream'
          ? [
              'its producers put the records on a stream of its own',
              'slow the producers down when the alarm fires',
            ]
          : ['its schedule does not change', 'set `polling` to have it read less often'];
      return {
        level: 'warning',
        field: `sources.${name}.budget.usdPerMonth`,
        says: `over this budget the source is not slowed down: ${why}`,
        next: `${next}; without it there is an alarm, and nothing else changes`,
      };
    },
  },
  {
    id: 'limit-below-volume',
    says: 'A limit on requests that is below what the volume needs refuses records.',
    find: (facts: SourceFacts): Contradicted => {
      const { source, name, workload } = facts;
      if (source.type !== 'push' && source.type !== 'webhook') return undefined;
      const needed = requestsPerSecond(facts);
      if (needed <= source.limits.requestsPerSecond) return undefined;
      return {
        level: 'error',
        field: `sources.${name}.limits.requestsPerSecond`,
        says:
          `${String(source.limits.requestsPerSecond)} requests a second are let in, and the volume is ${String(Math.ceil(needed))} ` +
          `of ${String(Math.round(workload.recordsPerRequest))} records each: the rest would be answered 429`,
        next: `raise it to ${String(Math.ceil(needed * 2))}, or put more records into a request (recordsPerRequest)`,
      };
    },
  },
  {
    id: 'bytes-limit-below-volume',
    says: 'A limit on bytes that is below the volume refuses records.',
    find: ({ source, name, workload }: SourceFacts): Contradicted => {
      if (source.type !== 'push' && source.type !== 'webhook') return undefined;
      const { bytesPerSecond } = source.limits;
      if (bytesPerSecond === undefined) return undefined;
      const compression = workload.areRequestsCompressed ? workload.requestCompression : 1;
      const needed = workload.rawBytesPerMonth / SECONDS_PER_MONTH / compression;
      if (needed <= toBytes(bytesPerSecond)) return undefined;
      return {
        level: 'error',
        field: `sources.${name}.limits.bytesPerSecond`,
        says: `"${bytesPerSecond}" is let in, and the volume is ${(needed / 1e6).toPrecision(2)} MB of bodies a second: the rest would be answered 429`,
        next: `raise it to "${String(Math.ceil((needed * 2) / 1e6))} MB"`,
      };
    },
  },
  {
    id: 'api-budget-below-volume',
    says: 'A budget of requests that is below what the volume needs never catches up.',
    find: ({ source, name, workload }: SourceFacts): Contradicted => {
      if (source.type !== 'http' || source.apiBudget === undefined) return undefined;
      const { requests, per } = source.apiBudget;
      const pagesPerDay =
        (recordsPerMonth(workload) / workload.recordsPerRequest / SECONDS_PER_MONTH) * DAY_SECONDS;
      const allowedPerDay = (requests * DAY_SECONDS * 1000) / toMs(per);
      if (pagesPerDay <= allowedPerDay) return undefined;
      return {
        level: 'error',
        field: `sources.${name}.apiBudget`,
        says: `${String(Math.floor(allowedPerDay))} requests a day are allowed, and the volume is ${String(Math.ceil(pagesPerDay))} pages of ${String(workload.recordsPerRequest)} records: it never catches up`,
        next: 'ask the API for larger pages (paginator.size), or for a larger budget',
      };
    },
  },
  {
    id: 'stream-too-small',
    says: 'Shards that were set by hand are too few for the volume.',
    find: ({ name, resources }: SourceFacts): Contradicted => {
      const stream = streamOf(name, resources);
      if (stream?.sources[0] !== name || !hasTooFewShards(stream)) return undefined;
      const isShared = stream.name !== name || resources.config.sources[name]?.type !== 'stream';
      const full = utilisationOf(stream);
      return {
        level: full > 1 ? 'error' : 'warning',
        field: isShared ? 'ingest.shards' : `sources.${name}.shards`,
        says:
          `${String(stream.shards)} shard${stream.shards === 1 ? ' is' : 's are'} filled to ${toPercent(full)} on average` +
          (full > 1
            ? ': the stream refuses the rest'
            : ': little is left for peaks, and a backlog is drained slowly'),
        next: `remove it, and ${String(stream.plannedShards)} are planned; or set ${String(stream.plannedShards)}`,
      };
    },
  },
  {
    id: 'landing-too-slow',
    says: 'A source that is collected brings more than a run can land.',
    find: ({ name, source, resources, answers }: SourceFacts): Contradicted => {
      if (resources.landing.find(({ sources }) => sources.includes(name))?.isOverloaded !== true)
        return undefined;
      return {
        level: 'warning',
        field: `sources.${name}.volume`,
        says: `${toGb(answers.gbPerDay)} a day are more than one run is planned to land within "${source.freshness}"`,
        next: 'remove `pattern`, or set "stream"; or declare it as several sources',
      };
    },
  },
  {
    id: 'more-than-a-stream',
    says: 'No stream that can be declared takes the volume.',
    find: ({ name, resources }: SourceFacts): Contradicted => {
      const stream = streamOf(name, resources);
      if (stream?.sources[0] !== name || stream.plannedShards <= 500) return undefined;
      return {
        level: 'error',
        field: `sources.${name}.volume`,
        says: `it fills ${String(stream.plannedShards)} shards; 500 are the most of a stream here`,
        next: 'put more records into a request, so that frames compress better; or declare it as several sources of type "stream"',
      };
    },
  },
  {
    id: 'requests-larger-than-allowed',
    says: 'Requests that are as large as declared are refused.',
    find: ({ name, source, workload }: SourceFacts): Contradicted => {
      if (source.type !== 'push' || source.recordsPerRequest === undefined) return undefined;
      const bytes = workload.recordsPerRequest * workload.recordBytes;
      const most = Math.min(toBytes(source.limits.maxDecompressedBytes), framesOf(workload).rawBytes * 100);
      if (source.recordsPerRequest <= source.limits.maxRecordsPerRequest && bytes <= most) return undefined;
      return {
        level: 'error',
        field: `sources.${name}.recordsPerRequest`,
        says: `${String(source.recordsPerRequest)} records of ${String(workload.recordBytes)} bytes are more than a request may have (limits.maxRecordsPerRequest, limits.maxDecompressedBytes)`,
        next: 'declare fewer, or raise the limits',
      };
    },
  },
];
