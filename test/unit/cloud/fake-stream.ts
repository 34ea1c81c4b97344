import type {
  FailureDestination,
  InvocationOutcome,
  Invoker,
  PollerClock,
  Shard,
  ShardReader,
  StreamRecord,
} from '../../../cloud/event-source-poller/ports.ts';
import type { InvocationRecord } from '../../../cloud/event-source-poller/invocation-record.ts';
import type { KinesisStreamEvent } from 'aws-lambda';
import { setImmediate } from 'node:timers/promises';

/** A clock whose time passes only by sleeping. */
export function createFakeClock(): PollerClock & { advance(ms: number): void } {
  let nowMs = 1_000_000;
  return {
    nowMs: () => nowMs,
    advance: (ms) => (nowMs += ms),
    async sleep(ms, signal) {
      await setImmediate();
      if (!signal.aborted) nowMs += Math.min(ms, 5);
    },
  };
}

interface FakeShard extends Shard {
  readonly records: StreamRecord[];
  isClosed: boolean;
}

/** A stream in memory whose shards close and have children as on AWS. */
export class FakeStream implements ShardReader {
  readonly shards: FakeShard[] = [];
  /** Numbers of the iterators that expire before they are used. */
  expireEvery = Infinity;
  #reads = 0;

  addShard(id: string, parentIds: readonly string[] = []): void {
    for (const shard of this.shards) if (parentIds.includes(shard.id)) shard.isClosed = true;
    this.shards.push({ id, parentIds, records: [], isClosed: false });
  }

  put(shardId: string, count: number, arrivedAtMs = 1_000_000): void {
    const { records } = this.#find(shardId);
    for (let index = 0; index < count; index += 1) {
      const n = records.length;
      records.push({
        sequenceNumber: String(n + 1).padStart(10, '0'),
        partitionKey: 'k',
        data: Buffer.from(String(n)),
        arrivedAtMs,
      });
    }
  }

  listShards(): Promise<readonly Shard[]> {
    return Promise.resolve(this.shards.map(({ id, parentIds }) => ({ id, parentIds })));
  }

  open(_: string, shardId: string, position: { at: string } | { after: string }): Promise<string> {
    const { records } = this.#find(shardId);
    const start =
      'after' in position
        ? records.findIndex((record) => record.sequenceNumber === position.after) + 1
        : position.at === 'LATEST'
          ? records.length
          : 0;
    return Promise.resolve(`${shardId}/${String(start)}`);
  }

  read(iterator: string, maxRecords: number): ReturnType<ShardReader['read']> {
    this.#reads += 1;
    if (this.#reads % this.expireEvery === 0) return Promise.resolve('expired');
    const [shardId = '', start = ''] = iterator.split('/');
    const { records, isClosed } = this.#find(shardId);
    const page = records.slice(Number(start), Number(start) + maxRecords);
    const end = Number(start) + page.length;
    const next = isClosed && end === records.length ? undefined : `${shardId}/${String(end)}`;
    return Promise.resolve({ records: page, next });
  }

  #find(shardId: string): FakeShard {
    const found = this.shards.find((shard) => shard.id === shardId);
    if (found === undefined) throw new Error(`no shard ${shardId}`);
    return found;
  }
}

/** What one invocation was given. */
export interface Delivered {
  readonly shardId: string;
  readonly sequenceNumbers: readonly string[];
}

/** A function in memory. */
export function createFakeInvoker(
  behaviour: (delivered: Delivered, calls: number) => InvocationOutcome | Promise<InvocationOutcome>,
): Invoker & {
  readonly calls: Delivered[];
} {
  const calls: Delivered[] = [];
  return {
    calls,
    async invoke(_, event) {
      const { Records } = event as KinesisStreamEvent;
      const delivered = {
        shardId: Records[0]?.eventID.split(':')[0] ?? '',
        sequenceNumbers: Records.map(({ kinesis }) => kinesis.sequenceNumber),
      };
      calls.push(delivered);
      return behaviour(delivered, calls.length);
    },
  };
}

/** A failure destination in memory that fails the first `failures` times. */
export function createFakeDestination(
  failures = 0,
): FailureDestination & { readonly sent: InvocationRecord[] } {
  const sent: InvocationRecord[] = [];
  let left = failures;
  return {
    sent,
    send: (_, record) => {
      left -= 1;
      if (left >= 0) return Promise.reject(new Error('destination unavailable'));
      sent.push(record);
      return Promise.resolve();
    },
  };
}

/** The answer of a function that failed at these numbers. */
export function failedAt(...sequenceNumbers: string[]): InvocationOutcome {
  return {
    kind: 'answered',
    payload: { batchItemFailures: sequenceNumbers.map((itemIdentifier) => ({ itemIdentifier })) },
  };
}
