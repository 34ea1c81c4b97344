import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeenRequest } from '../../cloud/fault-proxy/seen-request.ts';
import { claimBucket } from '../../shared/domain/claim-bucket.ts';
import { CLAIM_KEY_BYTES, ClaimList, packClaims } from '../../shared/domain/claims.ts';
import { CLAIMANT_BYTES } from '../../shared/domain/identity.ts';
import type { ClaimLog } from '../../shared/ports/claim-log.ts';
import type { AwsClients } from '../../cloud/aws-clients.ts';
import { DynamoClaimLog } from '../../shared/adapters/aws/dynamo-claim-log.ts';
import { DynamoLedgerStore } from '../../shared/adapters/aws/dynamo-ledger-store.ts';
import crashConfig from './headgate.config.ts';
import { ledgerCallOf } from './ledger-call.ts';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { comparePositions } from '../../shared/domain/identity.ts';
import type { LedgerStore } from '../../shared/ports/ledger-store.ts';
import { PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { CRASH_POINTS, type CrashPoint, type Variant } from './crash-points.ts';
import { generate } from './generate.ts';
import { replayParked, type ReplayWorld } from './replay-parked.ts';
import { once, type Rig } from './rig.ts';
import { Trap } from './trap.ts';
import type { Sent } from './truth.ts';

/** A crash point in one variant. */
export interface Cell {
  readonly point: CrashPoint;
  readonly variant: Variant;
  /** Position in the matrix. */
  readonly index: number;
}

export interface CellOutcome {
  readonly cell: Cell;
  readonly writer: string;
  readonly sent: Sent;
  /** Whether it really happened there. */
  readonly hasFired: boolean;
  /** Whether everything was told to be in the lake in time. */
  readonly hasLanded: boolean;
  readonly ms: number;
}

/** One shard, on which cells run one after the other. */
export interface Worker {
  readonly shardId: string;
  /** Makes records go to this shard. */
  readonly hashKey: string;
}

/** The cloud that the cells of all workers share. */
export interface Stage {
  readonly clients: AwsClients;
  readonly rig: Rig;
  readonly stream: string;
  readonly ledger: LedgerStore;
  readonly claimLog: ClaimLog;
  readonly operators: ReplayWorld;
}

const SOURCE = 'events';
const NEIGHBOURS_EXPIRE_MS = 7 * 24 * 60 * 60_000;

export function createLedger(clients: AwsClients, table: string): LedgerStore {
  return new DynamoLedgerStore({ dynamodb: clients.dynamodb, table, clock: systemClock });
}

export function createClaimLog(clients: AwsClients, table: string): ClaimLog {
  return new DynamoClaimLog({ dynamodb: clients.dynamodb, table, clock: systemClock });
}

const LANDING_TIMEOUT_MS = 90_000;
const HAPPENED_TIMEOUT_MS = 5_000;
const POLL_MS = 100;

/** Announces files, writes the first and dies: somebody else must resolve the intent. */
const FIRST_FILE = CRASH_POINTS.find(({ name }) => name === 'B.4');
const READING = CRASH_POINTS.find(({ name }) => name === 'B.1');

/** Puts a writer's records on a shard, lets what the cell says happen, and waits until everything has landed. */
export async function runCell(stage: Stage, worker: Worker, cell: Cell): Promise<CellOutcome> {
  const startMs = performance.now();
  const { rig } = stage;
  const { shardId } = worker;
  const { point, variant } = cell;
  const writer = `${point.name}/${variant}`;
  const { streamRecords, sent, daysMs } = generate(writer, cell.index);
  const buckets = bucketsOf(daysMs);
  rig.setBuckets(shardId, buckets);
  if (point.isShared) await appendNeighbours(stage, buckets);
  const fired = Promise.withResolvers<undefined>();
  const onFired = (): void => {
    fired.resolve(undefined);
  };
  const trap = new Trap(point, variant, onFired);
  const arm = (): void => {
    rig.setScript(shardId, variant === 'zombie' ? once('zombie') : undefined);
    rig.setTrap(shardId, trap);
  };
  const arming: Readonly<Record<CrashPoint['by'], () => void>> = {
    function: arm,
    successor: () => {
      rig.setTrap(shardId, dyingAtFirstFile(arm));
    },
    mapping: () => {
      rig.setScript(shardId, once('dropResponse', onFired));
    },
    // What it has announced is there when the operator comes, and no later process gets to read the lane.
    operator: () => {
      const onDead = (): void => {
        rig.setScript(shardId, (fault) => fault === 'discard');
        rig.setTrap(shardId, alwaysDying());
      };
      rig.setTrap(shardId, dyingAtFirstFile(onDead));
    },
  };
  arming[point.by]();
  const sequenceNumbers = await put(stage, worker, streamRecords);
  let firstOperator: Promise<unknown> | undefined;
  let hasLanded = true;
  if (point.by === 'operator') {
    const onParked = (): void => {
      rig.setScript(shardId, undefined);
      rig.setTrap(shardId, trap);
    };
    const options = { shardId, sequenceNumbers, onParked, fired: fired.promise };
    ({ firstOperator, hasLanded } = await replayParked(stage.operators, options));
  }
  hasLanded &&= await waitUntilLanded(stage, shardId, sequenceNumbers.at(-1) ?? '');
  // The mapping hears of it a little later than the ledger.
  const hasFired = await Promise.race([fired.promise.then(() => true), sleep(HAPPENED_TIMEOUT_MS, false)]);
  rig.setScript(shardId, undefined);
  trap.release();
  await firstOperator;
  rig.setTrap(shardId, undefined);
  return { cell, writer, sent, hasFired, hasLanded, ms: performance.now() - startMs };
}

/** Where the keys of some days are claimed. */
function bucketsOf(daysMs: readonly number[]): readonly string[] {
  const config = crashConfig.sources[SOURCE];
  if (config === undefined) throw new Error(`the configuration of the matrix has no source ${SOURCE}`);
  return daysMs.map((dayMs) => claimBucket(SOURCE, config, dayMs).name);
}

/** Claims of another consumer in each bucket: a consumer that finds them stores its own apart from their order. */
async function appendNeighbours({ claimLog }: Stage, buckets: readonly string[]): Promise<void> {
  const neighbour = new ClaimList();
  neighbour.add(randomBytes(CLAIMANT_BYTES), randomBytes(CLAIM_KEY_BYTES), 0, 0, 0);
  const expiresAtMs = Date.now() + NEIGHBOURS_EXPIRE_MS;
  for (const bucket of buckets) {
    const claims = await claimLog.store([packClaims(neighbour, 0, 1)], expiresAtMs);
    const entry = { kind: 'claims', claims, expiresAtMs, writer: randomUUID() } as const;
    if ((await claimLog.append(bucket, 1, entry)) !== 'ok') throw new Error(`${bucket} is in use`);
  }
}

function dyingAtFirstFile(onFired: () => void): Trap {
  if (FIRST_FILE === undefined) throw new Error('there is no crash point B.4');
  return new Trap({ ...FIRST_FILE, nth: 1 }, 'after', onFired);
}

/** Kills every process that asks the ledger for its lane, or tells it. */
function alwaysDying(): Pick<Trap, 'before' | 'after'> {
  return {
    before: (request) => {
      if (READING === undefined) throw new Error('there is no crash point B.1');
      const matches = (seen: SeenRequest): boolean => ledgerCallOf(seen) !== undefined;
      return new Trap({ ...READING, matches }, 'before').before(request);
    },
    after: () => Promise.resolve('pass'),
  };
}

/** @returns the sequence numbers of the records */
async function put(
  { clients, stream }: Stage,
  worker: Worker,
  data: readonly Buffer[],
): Promise<readonly string[]> {
  const { Records = [] } = await clients.kinesis.send(
    new PutRecordsCommand({
      StreamName: stream,
      Records: data.map((Data) => ({ Data, PartitionKey: 'cell', ExplicitHashKey: worker.hashKey })),
    }),
  );
  const wrong = Records.find(({ ShardId }) => ShardId !== worker.shardId);
  if (wrong !== undefined || Records.length !== data.length) {
    throw new Error(`records for ${worker.shardId} went to ${String(wrong?.ShardId)}`);
  }
  // The emulator puts zeros in front of them, the event-source mapping takes them away.
  return Records.map(({ SequenceNumber = '' }) => SequenceNumber.replace(/^0+/, ''));
}

async function waitUntilLanded({ ledger, stream }: Stage, shardId: string, last: string): Promise<boolean> {
  const giveUpAtMs = Date.now() + LANDING_TIMEOUT_MS;
  while (Date.now() < giveUpAtMs) {
    const { position, intent } = await ledger.read(`kinesis/${stream}/${shardId}`);
    if (intent === undefined && position !== undefined && comparePositions(position, last) >= 0) return true;
    await sleep(POLL_MS);
  }
  return false;
}
