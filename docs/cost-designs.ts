import { everyMinutesOf, type Design, type StreamDesign } from '../shared/domain/cost/design.ts';
import { expectedFreshness, type ExpectedFreshness } from '../shared/domain/cost/expected-freshness.ts';
import { framesOf } from '../shared/domain/cost/model-edge.ts';
import { SECONDS_PER_MONTH } from '../shared/domain/cost/metering.ts';
import { modelOperating } from '../shared/domain/cost/model-operating.ts';
import { modelUsage } from '../shared/domain/cost/model-usage.ts';
import { priceUsage } from '../shared/domain/cost/price-usage.ts';
import { addUsage, type Usage } from '../shared/domain/cost/usage.ts';
import { workloadOf, type Workload } from '../shared/domain/cost/workload.ts';
import { FUNCTION_SIZES } from '../shared/domain/plan/function-sizes.ts';
import { planShards } from '../shared/domain/plan/shards.ts';

/** A design with the workload that it is priced for. */
interface PricedDesign {
  readonly usdPerGb: number;
  readonly freshness: ExpectedFreshness;
  readonly design: Design;
  readonly workload: Workload;
  /** What it uses in a month, metrics and alarms included. */
  readonly usage: Usage;
}

/** A design that the page of costs shows, at any volume. */
export interface ShownDesign {
  readonly name: string;
  readonly at: (gbPerDay: number) => PricedDesign;
}

const edgeMemoryMiB = FUNCTION_SIZES.push.memoryMiB;
const DEDUPE = { dedupeDays: 7 } as const;

function shown(
  name: string,
  known: Partial<Workload>,
  toDesign: (workload: Workload) => Design,
): ShownDesign {
  return {
    name,
    at: (gbPerDay) => {
      const workload = workloadOf(gbPerDay, known);
      const design = toDesign(workload);
      const { own, shared } = modelUsage(workload, design);
      const usage = addUsage(own, shared, modelOperating(everyMinutesOf(design)));
      const { usd } = priceUsage(usage);
      return {
        usdPerGb: usd / (workload.rawBytesPerMonth / 1e9),
        freshness: expectedFreshness(workload, design),
        design,
        workload,
        usage,
      };
    },
  };
}

/** The only source of its stream, with a window of 10 s (of 30 s of freshness). */
function stream(workload: Workload, dedupe: StreamDesign['dedupe'], retentionHours: number): StreamDesign {
  const frames = framesOf(workload);
  const shards = planShards({
    bytesPerSecond: (frames.perMonth * frames.bytes) / SECONDS_PER_MONTH,
    recordsPerSecond: frames.perMonth / SECONDS_PER_MONTH,
  });
  return {
    kind: 'stream',
    pattern: 'stream',
    via: 'push',
    capacity: { mode: 'provisioned', shards, share: 1, retentionHours },
    batchingWindowSeconds: 10,
    dedupe,
    ...DEDUPE,
    memoryMiB: FUNCTION_SIZES.stream.memoryMiB,
    edgeMemoryMiB,
  };
}

const landing = (windowMinutes: number, dedupe: 'record' | 'request'): Design => ({
  kind: 'landing',
  pattern: 'micro-batch',
  windowMinutes,
  sourcesPerRun: 1,
  dedupe,
  ...DEDUPE,
  memoryMiB: FUNCTION_SIZES.land.memoryMiB,
  edgeMemoryMiB,
});

const cursor = (everyMinutes: number): Design => ({
  kind: 'extract',
  pattern: 'query-cdc',
  everyMinutes,
  readsPerRow: 1,
  needsNat: false,
  dedupe: 'none',
  ...DEDUPE,
  memoryMiB: FUNCTION_SIZES.extract.memoryMiB,
});

const LARGE_REQUESTS = { recordsPerRequest: 3_000 };
const HOUR_MINUTES = 60;

/** The designs that the page of costs shows. */
export const SHOWN_DESIGNS = {
  singleRecords: shown(
    'stream, one record in a request',
    { recordsPerRequest: 1, haveRequestsKeys: false, areRequestsCompressed: false },
    (workload) => stream(workload, 'record', 168),
  ),
  streamDefault: shown('stream, as it is by default', {}, (workload) => stream(workload, 'record', 168)),
  streamByRequest: shown('stream, `dedupe: "request"`', {}, (workload) => stream(workload, 'request', 168)),
  streamLean: shown(
    'stream, `dedupe: "request"`, kept for a day, requests of 3,000 records',
    LARGE_REQUESTS,
    (workload) => stream(workload, 'request', 24),
  ),
  streamLeanByRecord: shown('stream, kept for a day, requests of 3,000 records', LARGE_REQUESTS, (workload) =>
    stream(workload, 'record', 24),
  ),
  landingDefault: shown('micro-batch every 2 minutes, as it is by default', {}, () => landing(2, 'record')),
  landing2: shown(
    'micro-batch every 2 minutes, `dedupe: "request"`, requests of 3,000 records',
    LARGE_REQUESTS,
    () => landing(2, 'request'),
  ),
  landing15: shown(
    'micro-batch every 15 minutes, `dedupe: "request"`, requests of 3,000 records',
    LARGE_REQUESTS,
    () => landing(15, 'request'),
  ),
  cursor1: shown('table read by cursor every minute', {}, () => cursor(1)),
  cursorHourly: shown('table read by cursor every hour', {}, () => cursor(HOUR_MINUTES)),
  cursor6h: shown('table read by cursor every 6 hours', {}, () => cursor(6 * HOUR_MINUTES)),
  cursorDaily: shown('table read by cursor once a day', {}, () => cursor(24 * HOUR_MINUTES)),
  filesHourly: shown(
    'objects of 100 MB read every hour, without a key',
    { recordsPerRequest: 100_000 },
    () => ({
      kind: 'pull',
      pattern: 'batch',
      reads: 'files',
      everyMinutes: HOUR_MINUTES,
      dedupe: 'none',
      ...DEDUPE,
      memoryMiB: FUNCTION_SIZES.pull.memoryMiB,
    }),
  ),
} as const satisfies Readonly<Record<string, ShownDesign>>;
