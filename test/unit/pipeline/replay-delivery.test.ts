import { describe, expect, test } from 'vitest';
import type { Turn } from '../../../shared/adapters/memory/turn.ts';
import { writeFrame } from '../../../shared/domain/frame.ts';
import { judgeRecord } from '../../../shared/pipeline/judge-records.ts';
import { replayDelivery } from '../../../shared/pipeline/replay/replay-delivery.ts';
import { createReplayWorld, dyingAt, LANE, parked, recordAt, START_MS } from '../../support/replay-world.ts';

const OLD_ENOUGH = { minAgeMs: 0 };
const RECORDS = [1, 2, 3, 4, 5].map((n) => recordAt(n, { id: `a${String(n)}` }, { id: `b${String(n)}` }));
const IDS = RECORDS.flatMap(({ sequenceNumber }) =>
  [0, 1].map((index) => `${LANE}/${sequenceNumber}/${String(index)}`),
);

const idsOf = (lines: readonly { readonly id: string }[]): string[] => lines.map(({ id }) => id).sort();

describe('replaying a parked delivery', () => {
  test('lands every record under its original identity, and hands the lane over', async () => {
    const world = createReplayWorld();
    const outcome = await replayDelivery(world.deps, parked(RECORDS), {
      ...world.options('a'),
      ...OLD_ENOUGH,
    });
    expect(outcome).toMatchObject({ finished: true, records: 5, alreadyLanded: 0, commits: 1 });
    expect(outcome.counts.get('clicks')).toMatchObject({ landed: 10, duplicates: 0 });
    expect(idsOf(world.landed())).toEqual(IDS);
    expect(world.ledger.peek(LANE)).toMatchObject({ position: '5', commits: 0 });
    expect(world.ledger.ranges(LANE)).toEqual([]);
  });

  test('the same document again, and one that overlaps it, land nothing again', async () => {
    const world = createReplayWorld();
    const options = { ...world.options('a'), ...OLD_ENOUGH };
    await replayDelivery(world.deps, parked(RECORDS.slice(1, 3)), options);
    const whole = await replayDelivery(world.deps, parked(RECORDS), options);
    expect(whole).toMatchObject({ finished: true, alreadyLanded: 2, commits: 2 });
    const again = await replayDelivery(world.deps, parked(RECORDS), options);
    expect(again).toMatchObject({ finished: true, alreadyLanded: 5, commits: 0 });
    expect(idsOf(world.landed())).toEqual(IDS);
    const ranges = world.ledger.ranges(`replay/${LANE}`).map(({ from, to }) => [from, to]);
    expect(ranges).toEqual([
      ['2', '3'],
      ['1', '1'],
      ['4', '5'],
    ]);
  });

  test('records that the function landed are left out, those that it passed over are not', async () => {
    const world = createReplayWorld();
    await world.deliver(RECORDS.slice(0, 2));
    // 3 and 4 were given up, 5 and what follows was delivered: the position is behind all of them.
    await world.deliver([...RECORDS.slice(4), recordAt(6, { id: 'next' })]);
    const outcome = await replayDelivery(world.deps, parked(RECORDS), {
      ...world.options('a'),
      ...OLD_ENOUGH,
    });
    expect(outcome).toMatchObject({ finished: true, records: 5, alreadyLanded: 3, commits: 1 });
    expect(idsOf(world.landed())).toEqual([...IDS, `${LANE}/6/0`]);
  });

  test('a resend that landed meanwhile makes the parked record a duplicate; its own earlier claim does not', async () => {
    const world = createReplayWorld();
    const [lost, other] = [recordAt(1, { id: 'x' }), recordAt(2, { id: 'y' })];
    // The function dies between claims and files.
    const dying: Turn = {
      before: ({ operation }) =>
        operation === 'announce' ? Promise.reject(new Error('died')) : Promise.resolve(),
    };
    await expect(world.under(dying, () => world.deliver([lost]))).rejects.toThrow('died');
    // The first is taken for a duplicate of `lost`, which is parked; the second lands.
    await world.deliver([recordAt(3, { id: 'x' }), recordAt(4, { id: 'y' })]);
    const options = { ...world.options('a'), ...OLD_ENOUGH };
    const outcome = await replayDelivery(world.deps, parked([lost, other]), options);
    expect(outcome.counts.get('clicks')).toMatchObject({ landed: 1, duplicates: 1 });
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/0`, `${LANE}/4/0`]);
  });

  test('what violates the contract goes to quarantine, as it does on the first delivery', async () => {
    const world = createReplayWorld();
    const records = [recordAt(1, { id: 'x', n: 'no integer' }, { id: 'y' })];
    await replayDelivery(world.deps, parked(records), { ...world.options('a'), ...OLD_ENOUGH });
    expect(world.quarantined()).toMatchObject([{ id: `${LANE}/1/0`, reason: 'CONTRACT' }]);
    expect(idsOf(world.landed())).toEqual([`${LANE}/1/1`]);
  });

  test('a delivery larger than a batch is landed in several', async () => {
    const world = createReplayWorld();
    const source = world.deps.sources.get('clicks');
    if (source === undefined) throw new Error('no source');
    const padding = 'x'.repeat(33 * 1024 * 1024);
    const records = [1, 2].map((n) => {
      const { data, ...place } = recordAt(n, { id: String(n), padding });
      const header = {
        source: 'clicks',
        frameId: String(n),
        contractVersion: source.contract.version,
        receivedAtMs: START_MS,
      };
      return { ...place, data: writeFrame(header, [judgeRecord(source, data, START_MS)]) };
    });
    const options = { ...world.options('a'), ...OLD_ENOUGH };
    const outcome = await replayDelivery(world.deps, parked(records), options);
    expect(outcome).toMatchObject({ finished: true, commits: 2 });
    expect(world.landed()).toHaveLength(2);
  });

  test('a document is refused while its function may be at work, and says when it may be tried', async () => {
    const world = createReplayWorld();
    const delivery = parked(RECORDS, START_MS - 60_000);
    const replay = replayDelivery(world.deps, delivery, world.options('a'));
    await expect(replay).rejects.toMatchObject({
      code: 'REPLAY_TOO_YOUNG',
      disposition: 'reject',
      message: expect.stringContaining('after 2026-01-01T00:19:00.000Z') as string,
    });
    expect(world.ledger.lanes()).toEqual([]);
    world.clock.advance(19 * 60_000);
    expect(await replayDelivery(world.deps, delivery, world.options('a'))).toMatchObject({ finished: true });
  });

  test('a document is refused once the ledger may have forgotten what landed', async () => {
    const world = createReplayWorld();
    world.clock.advance(399 * 86_400_000 + 1);
    const replay = replayDelivery(world.deps, parked(RECORDS), world.options('a'));
    await expect(replay).rejects.toMatchObject({ code: 'REPLAY_TOO_OLD', disposition: 'reject' });
    expect(world.landed()).toEqual([]);
  });

  test('without time left nothing is done, and the outcome says so', async () => {
    const world = createReplayWorld();
    const options = { owner: 'a', deadlineMs: START_MS + 1_000, ...OLD_ENOUGH };
    const outcome = await replayDelivery(world.deps, parked(RECORDS), options);
    expect(outcome).toMatchObject({ finished: false, commits: 0 });
    expect(world.ledger.lanes()).toEqual([]);
  });

  test.each(['before', 'after'] as const)(
    'a process that dies %s any store call, and a second replay, land every record once',
    async (when) => {
      for (let call = 0; ; call++) {
        const world = createReplayWorld();
        await world.deliver(RECORDS.slice(0, 1));
        const turn = dyingAt(call, when);
        const replay = (owner: string): Promise<unknown> =>
          replayDelivery(world.deps, parked(RECORDS), { ...world.options(owner), ...OLD_ENOUGH });
        const died = await world
          .under(turn, () => replay('a'))
          .then(
            () => false,
            () => true,
          );
        await replay('b');
        expect(idsOf(world.landed()), `call ${String(call)}`).toEqual(IDS);
        if (!died) {
          expect(call).toBeGreaterThan(8);
          return;
        }
      }
    },
  );

  test('a function that wakes up with files announced or not changes nothing, wherever it had stopped', async () => {
    for (let stop = 0; ; stop++) {
      const world = createReplayWorld();
      // The function stops at its store call number `stop` until the replay is over.
      let wake = (): void => undefined;
      const asleep = new Promise<void>((done) => (wake = done));
      let calls = 0;
      const zombieState = { slept: false };
      const sleeping: Turn = {
        before: async () => {
          if (calls++ !== stop) return;
          zombieState.slept = true;
          await asleep;
        },
      };
      const zombie = world.under(sleeping, () => world.deliver(RECORDS));
      while (!zombieState.slept && calls <= stop) {
        const over = await Promise.race([zombie.then(() => true), tick().then(() => false)]);
        if (over) break;
      }
      await replayDelivery(world.deps, parked(RECORDS), { ...world.options('a'), ...OLD_ENOUGH });
      wake();
      await zombie;
      expect(idsOf(world.landed()), `stopped at ${String(stop)}`).toEqual(IDS);
      if (!zombieState.slept) {
        expect(stop).toBeGreaterThan(4);
        return;
      }
    }
  });
});

const tick = (): Promise<void> => new Promise((done) => setImmediate(done));
