import { describe, expect, test } from 'vitest';
import { seededFaults, type Fault } from '../../../shared/adapters/faults/fault-plan.ts';
import { faultTurn, refuseByPlan } from '../../../shared/adapters/memory/fault-turn.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFrameBus } from '../../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryLake } from '../../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryRequestStore } from '../../../shared/adapters/memory/memory-request-store.ts';
import { MemoryWriteKeyStore } from '../../../shared/adapters/memory/memory-write-key-store.ts';
import { takeTurn, type Turn } from '../../../shared/adapters/memory/turn.ts';
import { BlockedError, TransientError } from '../../../shared/domain/errors.ts';

const noWait = (): Promise<void> => Promise.resolve();
const always = (kind: Exclude<Fault['kind'], 'delay'>): Turn =>
  faultTurn({ onAttempt: () => ({ kind }) }, noWait);
/** A call of a store whose effects are counted. */
const countedCall = () => {
  let effects = 0;
  const run = (turn: Turn): Promise<number> =>
    takeTurn(turn, { port: 'lake', operation: 'putIfAbsent', subject: 'k' }, () => ++effects);
  return { run, effects: () => effects };
};

const REQUEST = {
  source: 's',
  idempotencyKey: 'k',
  payloadHash: 'h',
  attempt: 'a',
  nowMs: 0,
  leaseUntilMs: 10,
  expiresAtMs: 20,
};
const OBJECT = { kind: 'data', bytes: Buffer.of(1), rows: 1, writtenAtMs: 0, lane: 'l' } as const;
const KEY = { hash: 'h', source: 's', createdAtMs: 0 };
const INTENT = {
  from: '1',
  to: '2',
  objects: [],
  records: 1,
  configVersion: 'v',
  owner: 'o',
  leaseUntilMs: 1,
};

/** One call of every method of every store but the bus, which has an answer of its own for failures. */
const CALLS: Readonly<Record<string, (turn: Turn) => Promise<unknown>>> = {
  'lake.putIfAbsent': (turn) => new MemoryLake({ turn }).putIfAbsent('k', OBJECT),
  'lake.overwrite': (turn) => new MemoryLake({ turn }).overwrite('k', OBJECT),
  'lake.kindOf': (turn) => new MemoryLake({ turn }).kindOf('k'),
  'ledger.read': (turn) => new MemoryLedgerStore({ turn }).read('l'),
  'ledger.announce': (turn) => new MemoryLedgerStore({ turn }).announce('l', 0, INTENT, 'w'),
  'ledger.commit': (turn) =>
    new MemoryLedgerStore({ turn }).commit('l', 0, { from: '1', to: '2', records: 1, keys: 1 }, 'w'),
  'ledger.abort': (turn) => new MemoryLedgerStore({ turn }).abort('l', 0, 'w'),
  'ledger.cede': (turn) => new MemoryLedgerStore({ turn }).cede('l', 0, '5', 'w'),
  'claims.read': (turn) => new MemoryClaimLog({ turn }).read('b', 0),
  'claims.store': (turn) => new MemoryClaimLog({ turn, maxInlineBytes: 0 }).store([Buffer.of(1)]),
  'claims.append': (turn) => new MemoryClaimLog({ turn }).append('b', 1, { kind: 'closed', writer: 'w' }),
  'claims.claimKey': (turn) => new MemoryClaimLog({ turn }).claimKey('b', 'k', Buffer.of(1), 9),
  'requests.begin': (turn) => new MemoryRequestStore({ turn }).begin(REQUEST),
  'requests.complete': (turn) =>
    new MemoryRequestStore({ turn }).complete(REQUEST, { statusCode: 202, body: '' }),
  'requests.release': (turn) => new MemoryRequestStore({ turn }).release(REQUEST),
  'write-keys.find': (turn) => new MemoryWriteKeyStore({ turn }).find('h'),
  'write-keys.create': (turn) => new MemoryWriteKeyStore({ turn }).create(KEY),
  'write-keys.list': (turn) => new MemoryWriteKeyStore({ turn }).list('s'),
  'write-keys.note-use': (turn) => new MemoryWriteKeyStore({ turn }).noteUse('h', 0),
  'write-keys.revoke': (turn) => new MemoryWriteKeyStore({ turn }).revoke('s', 'h'),
  'parameters.get': (turn) => new MemoryParameterStore({ turn, values: { p: 'v' } }).get('p'),
  'stage.find': (turn) => new MemoryBatchStage({ turn }).find('l', 1),
  'stage.decide': (turn) => new MemoryBatchStage({ turn }).decide('l', 1, Buffer.of(1)),
};

describe('faults under every memory store', () => {
  test.each(Object.entries(CALLS))('%s meets its faults as the adapter of AWS does', async (_, call) => {
    await expect(call(always('access-denied'))).rejects.toBeInstanceOf(BlockedError);
    for (const kind of ['throttle', 'server-error', 'conflict', 'reset-before', 'reset-after'] as const) {
      await expect(call(always(kind))).rejects.toBeInstanceOf(TransientError);
    }
    const firstFails = (kind: 'throttle' | 'reset-after'): Turn =>
      faultTurn({ onAttempt: ({ attempt }) => (attempt === 1 ? { kind } : undefined) }, noWait);
    await call(firstFails('throttle'));
    await call(firstFails('reset-after'));
  });

  test.each(['throttle', 'server-error', 'conflict', 'reset-before'] as const)(
    '%s is tried five times and leaves nothing behind',
    async (kind) => {
      const attempts: number[] = [];
      const { run, effects } = countedCall();
      const plan = {
        onAttempt: ({ attempt }: { attempt: number }) => {
          attempts.push(attempt);
          return { kind };
        },
      };
      await expect(run(faultTurn(plan, noWait))).rejects.toBeInstanceOf(TransientError);
      expect(attempts).toEqual([1, 2, 3, 4, 5]);
      expect(effects()).toBe(0);
    },
  );

  test('answers that are lost five times leave the effect of five calls', async () => {
    const { run, effects } = countedCall();
    await expect(run(always('reset-after'))).rejects.toBeInstanceOf(TransientError);
    expect(effects()).toBe(5);
  });

  test('denied access is not tried again', async () => {
    const { run, effects } = countedCall();
    let attempts = 0;
    const plan = { onAttempt: () => (attempts++, { kind: 'access-denied' as const }) };
    await expect(run(faultTurn(plan, noWait))).rejects.toBeInstanceOf(BlockedError);
    expect([attempts, effects()]).toEqual([1, 0]);
  });

  test('a delay costs time and nothing else', async () => {
    const clock = new ManualClock({ jump: true, startMs: 0 });
    const { run, effects } = countedCall();
    const turn = faultTurn({ onAttempt: () => ({ kind: 'delay', ms: 30 }) }, (ms) => clock.sleep(ms));
    expect(await run(turn)).toBe(1);
    expect([effects(), clock.nowMs()]).toEqual([1, 30]);
  });

  test('the same seed gives the same run, call by call', async () => {
    const outcomes = async (seed: number): Promise<string> => {
      const rates = { throttle: 0.3, 'reset-after': 0.3, 'access-denied': 0.1 };
      const turn = faultTurn(seededFaults(seed, rates), noWait);
      const { run, effects } = countedCall();
      const seen: string[] = [];
      for (let i = 0; i < 50; i++) {
        const outcome = await run(turn).catch((error: unknown) => (error as Error).name);
        seen.push(`${String(outcome)}/${String(effects())}`);
      }
      return seen.join();
    };
    expect(await outcomes(1)).toBe(await outcomes(1));
    expect(await outcomes(1)).not.toBe(await outcomes(2));
  });
});

describe('faults under the memory bus', () => {
  const frames = ['a', 'b', 'a'].map((partitionKey) => ({ partitionKey, bytes: Buffer.of(1) }));

  test('what fails passingly is refused, not thrown; what is denied is thrown', async () => {
    for (const kind of ['throttle', 'server-error', 'reset-before', 'reset-after'] as const) {
      const result = await new MemoryFrameBus({ turn: always(kind) }).send(frames);
      expect(result).toMatchObject({ durable: [], refused: [0, 1, 2] });
      expect(result.error).toContain('injected');
    }
    await expect(new MemoryFrameBus({ turn: always('access-denied') }).send(frames)).rejects.toBeInstanceOf(
      BlockedError,
    );
  });

  test('single frames are refused as the plan says, and those behind them', async () => {
    let sent = 0;
    const bus = new MemoryFrameBus({
      refuse: refuseByPlan({ failEntries: () => (sent++ === 0 ? [0] : []) }),
    });
    expect(await bus.send(frames)).toMatchObject({ durable: [1], refused: [0, 2] });
    expect(bus.frames().map(({ partitionKey }) => partitionKey)).toEqual(['b']);
  });
});
