import { hash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { readFrame } from '../../shared/domain/frame.ts';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import { answerMeasurements } from '../measuring-process.ts';
import { ShardLimits } from './shard-limits.ts';

/*
 * A stand-in for Kinesis in a process of its own: PutRecords with the limits of shards, and throttles by chance. An
 * emulator would take more CPU time than what is measured.
 */

/** How the stream behaves from now on. */
export interface StreamSettings {
  /** Seed of what happens by chance. */
  readonly seed: number;
  /** Shards, each of which takes 1 MB and 1,000 records per second; without it, everything is taken. */
  readonly shards?: number;
  /** Share of the calls that are throttled by chance: every second one as a whole, the others each of their entries. */
  readonly throttledShare: number;
  /** How long a call takes. */
  readonly latencyMs: number;
  /** Whether what is stored is remembered; it must be frames then. */
  readonly remembers: boolean;
}

export interface StreamState {
  readonly endpoint: string;
  /** Since the last settings: SHA-256 of the records' bytes of each frame that was stored. */
  readonly payloads: readonly string[];
  /** Since the last settings: bytes of data that were stored. */
  readonly storedBytes: number;
}

interface PutRecords {
  readonly Records: readonly { readonly Data: string; readonly PartitionKey: string }[];
}

const THROTTLE = 'ProvisionedThroughputExceededException';
let settings: StreamSettings = { seed: 1, throttledShare: 0, latencyMs: 0, remembers: false };
let random = createSeededRandom(settings.seed);
let shards: readonly ShardLimits[] = [];
let payloads: string[] = [];
let storedBytes = 0;
let sequenceNumber = 0n;

function use(changed: StreamSettings): void {
  settings = changed;
  random = createSeededRandom(settings.seed);
  shards = Array.from({ length: settings.shards ?? 0 }, () => new ShardLimits(performance.now()));
  payloads = [];
  storedBytes = 0;
}

function put({ Data: data, PartitionKey: key }: PutRecords['Records'][number], isThrottled: boolean): object {
  const bytes = Buffer.byteLength(data, 'base64');
  const at = shards.length === 0 ? 0 : crc32(key) % shards.length;
  if (isThrottled || shards[at]?.takes(bytes + key.length, performance.now()) === false)
    return { ErrorCode: THROTTLE, ErrorMessage: 'Rate exceeded' };
  storedBytes += bytes;
  if (settings.remembers) payloads.push(hash('sha256', readFrame(Buffer.from(data, 'base64')).payload));
  sequenceNumber++;
  return {
    SequenceNumber: `4966${String(sequenceNumber).padStart(52, '0')}`,
    ShardId: `shardId-${String(at).padStart(12, '0')}`,
  };
}

async function answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
  const { Records: records } = JSON.parse((await buffer(request)).toString()) as PutRecords;
  if (settings.latencyMs > 0) await sleep(settings.latencyMs);
  const chance = random();
  if (chance < settings.throttledShare / 2)
    return { status: 400, body: { __type: THROTTLE, message: 'Rate exceeded' } };
  const entries = records.map((record) => put(record, chance < settings.throttledShare));
  const failed = entries.filter((entry) => 'ErrorCode' in entry).length;
  return { status: 200, body: { FailedRecordCount: failed, Records: entries } };
}

const server = createServer((request, response) => {
  answer(request).then(
    ({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' });
      response.end(JSON.stringify(body));
    },
    (error: unknown) => {
      console.error(error);
      response.destroy();
    },
  );
});
server.keepAliveTimeout = 0;
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const endpoint = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;

/** Asked with settings it uses them; it always answers with what happened under those before. */
answerMeasurements(
  (question) => {
    const state: StreamState = { endpoint, payloads, storedBytes };
    if ('seed' in (question as Partial<StreamSettings>)) use(question as StreamSettings);
    return Promise.resolve(state);
  },
  () => {
    server.closeAllConnections();
    server.close();
    return Promise.resolve();
  },
);
