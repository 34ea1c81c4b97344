import type { Context, KinesisStreamEvent, KinesisStreamRecord } from 'aws-lambda';
import type { StreamHandlerDeps } from '../../lambdas/stream/create-handler.ts';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfig, HeadgateConfigInput } from '../../shared/config/schema.ts';
import { createClaimCache } from '../../shared/pipeline/claim-keys.ts';
import { createLaneCache } from '../../shared/pipeline/land.ts';
import type { Probe } from '../../shared/pipeline/probe.ts';
import { lineTableWriter, readLines } from './line-table-writer.ts';

/** Name of the stream of the one source, `clicks`. */
const STREAM = 'clicks-stream';
const SHARD = 'shardId-000000000000';
/** Ledger key of the shard. */
export const LANE = `kinesis/${STREAM}/${SHARD}`;
export const START_MS = Date.UTC(2026, 0, 1);

type SourceInput = HeadgateConfigInput['sources'][string];

/** A configuration of the one source `clicks`, keyed by `id`, with a stream of its own. */
export function declareClicks(changed: Partial<SourceInput> = {}): HeadgateConfig {
  return parseConfig({
    sources: {
      clicks: {
        type: 'stream',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
        key: ['id'],
        ...changed,
      },
    },
  });
}

/** What the stream function works with, in memory. */
export interface StreamWorld {
  readonly deps: StreamHandlerDeps & { readonly ledger: MemoryLedgerStore };
  readonly clock: ManualClock;
  readonly lake: MemoryLake;
  readonly telemetry: MemoryTelemetry;
  /** Texts of the records that are in data files. */
  readonly landed: () => string[];
  /** Identities of all rows of the lake, those in quarantine too, as often as they are there. */
  readonly rowIds: () => string[];
}

/** The stream function's stores in memory, with a table writer that writes lines instead of Parquet. */
export function createStreamWorld(
  options: { readonly config?: HeadgateConfig; readonly probe?: Probe } = {},
): StreamWorld {
  const { config = declareClicks(), probe } = options;
  const clock = new ManualClock({ startMs: START_MS, jump: true });
  const lake = new MemoryLake();
  const telemetry = new MemoryTelemetry();
  let tokens = 0;
  const deps = {
    ledger: new MemoryLedgerStore(),
    claimLog: new MemoryClaimLog(),
    claimCache: createClaimCache(),
    laneCache: createLaneCache(),
    lake,
    tables: lineTableWriter(),
    clock,
    telemetry,
    sources: compileSources(config, compileValidators(config)),
    configVersion: 'v1',
    newToken: () => String(tokens++),
    ...(probe && { probe }),
    sourceOfStream: { [STREAM]: 'clicks' },
  };
  const linesBelow = (prefix: string) => lake.list(prefix).flatMap(({ bytes }) => readLines(bytes));
  return {
    deps,
    clock,
    lake,
    telemetry,
    landed: () => linesBelow('raw/').map(({ raw }) => raw),
    rowIds: () => linesBelow('').map(({ id }) => id),
  };
}

/** A record of the shard as an event-source mapping delivers it. */
export function kinesisRecord(sequenceNumber: string, content: string | Uint8Array): KinesisStreamRecord {
  return {
    awsRegion: 'eu-central-1',
    eventID: `${SHARD}:${sequenceNumber}`,
    eventName: 'aws:kinesis:record',
    eventSource: 'aws:kinesis',
    eventSourceARN: `arn:aws:kinesis:eu-central-1:111122223333:stream/${STREAM}`,
    eventVersion: '1.0',
    invokeIdentityArn: 'arn:aws:iam::111122223333:role/r',
    kinesis: {
      approximateArrivalTimestamp: START_MS / 1000,
      data: Buffer.from(content as Uint8Array).toString('base64'),
      kinesisSchemaVersion: '1.0',
      partitionKey: 'p',
      sequenceNumber,
    },
  };
}

/** A delivery of records with the sequence numbers 100, 101, … */
export function eventOf(...texts: readonly string[]): KinesisStreamEvent {
  return { Records: texts.map((text, i) => kinesisRecord(String(100 + i), text)) };
}

/** The context of an invocation that has so much time. */
export function contextOf(remainingMs: number, awsRequestId = 'request'): Context {
  return { awsRequestId, getRemainingTimeInMillis: () => remainingMs } as Context;
}
