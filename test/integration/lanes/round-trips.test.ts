import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClaimWorld, type ClaimWorld, type ClaimWorldOptions } from '../../../bench/claim-world.ts';
import { startBareEmulator, type BareEmulator } from '../../support/emulator.ts';

/** What a batch may cost in calls, one after the other, when nobody gets in its way. */
const MAX_CALLS = 8;
const BATCH = 5_000;

describe('storage calls of a common batch, through the adapters of AWS', () => {
  let emulator: BareEmulator;
  const worlds: ClaimWorld[] = [];

  beforeAll(async () => {
    emulator = await startBareEmulator();
  });

  afterAll(async () => {
    for (const world of worlds) world.close();
    await emulator.stop();
  });

  async function open(dedupe: ClaimWorldOptions['dedupe']): Promise<ClaimWorld> {
    const options = { dedupe, hasTimeInKey: true, days: 1, recordsPerFrame: 500 };
    const world = await openClaimWorld(emulator.connection, options);
    worlds.push(world);
    return world;
  }

  test.each(['record', 'request'] as const)('one shard, dedupe by %s: at most 8', async (dedupe) => {
    const world = await open(dedupe);
    for (const deliver of world.shard(0, 3, BATCH)) expect(await deliver()).toBeLessThanOrEqual(MAX_CALLS);
  });

  test('eight shards that claim in one bucket, in turn: at most 8', async () => {
    const world = await open('record');
    const shards = Array.from({ length: 8 }, (_, shard) => world.shard(shard, 2, BATCH));
    for (const round of [0, 1]) {
      for (const deliveries of shards) {
        expect(await deliveries[round]?.()).toBeLessThanOrEqual(MAX_CALLS);
      }
    }
  });

  test('claims of 5,000 records by one consumer cost an object and a write unit for each batch but the first, the ledger with its counts 1,400 units per million', async () => {
    const world = await open('record');
    const deliveries = world.shard(0, 4, BATCH);
    for (const deliver of deliveries) await deliver();
    const { claims, ledger, objects } = world.totals();
    const perMillion = 1e6 / (BATCH * deliveries.length);
    // Who is first in a bucket does not know yet that nobody else comes.
    expect(claims.writeUnits).toBeLessThanOrEqual((18_000 * BATCH) / 1e6 + deliveries.length);
    expect(objects).toEqual({ puts: deliveries.length - 1, gets: 0 });
    expect(ledger.writeUnits * perMillion).toBeLessThanOrEqual(1_400);
  });

  test('claims of requests cost at most 300 write units per million records', async () => {
    const world = await open('request');
    const deliveries = world.shard(0, 4, BATCH);
    for (const deliver of deliveries) await deliver();
    expect((world.totals().claims.writeUnits * 1e6) / (BATCH * deliveries.length)).toBeLessThanOrEqual(300);
  });
});
