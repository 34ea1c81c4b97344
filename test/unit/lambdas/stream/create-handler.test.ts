import { describe, expect, test } from 'vitest';
import { createHandler } from '../../../../lambdas/stream/create-handler.ts';
import { compileSources } from '../../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../../shared/config/compile-validators.ts';
import { BlockedError, TransientError } from '../../../../shared/domain/errors.ts';
import type { CrashPoint } from '../../../../shared/pipeline/probe.ts';
import {
  contextOf,
  createStreamWorld,
  declareClicks,
  eventOf,
  LANE,
  START_MS,
  type StreamWorld,
} from '../../../support/stream-world.ts';

const setUp = (probe: (point: CrashPoint) => void = () => undefined): StreamWorld =>
  createStreamWorld({ probe });

describe('the stream function', () => {
  test('lands a delivery and reports no failure', async () => {
    const { deps, landed, telemetry } = setUp();
    const answer = await createHandler(deps)(eventOf('{"id":"a"}', '{"id":"b"}'), contextOf(60_000));
    expect(answer).toEqual({ batchItemFailures: [] });
    expect(landed()).toEqual(['{"id":"a"}', '{"id":"b"}']);
    expect(telemetry.flushes).toBe(1);
  });

  test("counts what arrives on a source's own stream, whatever becomes of it", async () => {
    const { deps, telemetry } = setUp();
    await createHandler(deps)(eventOf('{"id":"a"}', '{"id":"a"}', '{"id":1}', 'text'), contextOf(60_000));
    expect(telemetry.total('RecordsReceived', 'clicks')).toBe(4);
    expect(telemetry.total('RecordsAccepted', 'clicks')).toBe(4);
  });

  test('a delivery that comes again lands nothing twice', async () => {
    const { deps, landed } = setUp();
    const handler = createHandler(deps);
    await handler(eventOf('{"id":"a"}'), contextOf(60_000));
    await handler(eventOf('{"id":"a"}', '{"id":"b"}'), contextOf(60_000));
    expect(landed()).toEqual(['{"id":"a"}', '{"id":"b"}']);
  });

  test('names the first record that is not durable when the time ran out between two commits', async () => {
    const { deps, clock, landed } = setUp((point) => {
      if (point === 'B.6') clock.advance(57_000);
    });
    // Two records of 40 MB do not fit into one commit.
    const large = JSON.stringify({ id: 'large', text: 'x'.repeat(40_000_000) });
    const answer = await createHandler(deps)(
      eventOf(large, large.replace('large', 'other')),
      contextOf(60_000),
    );
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: '101' }] });
    expect(landed()).toHaveLength(1);
  });

  test('throws when nothing could be landed in time: an empty answer would mean success', async () => {
    const { deps, telemetry } = setUp();
    await expect(createHandler(deps)(eventOf('{"id":"a"}'), contextOf(1_000))).rejects.toMatchObject({
      code: 'OUT_OF_TIME',
    });
    expect(telemetry.logs).toMatchObject([{ level: 'error', fields: { code: 'OUT_OF_TIME' } }]);
    expect(telemetry.flushes).toBe(1);
  });

  test('loses nothing when a contract that refuses more is deployed after an attempt that died with its claims', async () => {
    let dies = true;
    const { deps, lake, landed } = setUp((point) => {
      if (point === 'B.2' && dies) throw new Error('killed');
    });
    const event = eventOf('[{"id":"a","n":"x"},{"id":"b"}]');
    await expect(createHandler(deps)(event, contextOf(60_000))).rejects.toThrow('killed');
    dies = false;
    const stricter = declareClicks({
      contract: {
        dataTypes: 'freeze',
        schema: { type: 'object', properties: { id: { type: 'string' }, n: { type: 'integer' } } },
      },
    });
    const redeployed = { ...deps, sources: compileSources(stricter, compileValidators(stricter)) };
    await createHandler(redeployed)(event, contextOf(60_000));
    expect(landed()).toEqual(['{"id":"b"}']);
    expect(lake.list('quarantine/clicks/reason=CONTRACT/')).toMatchObject([{ rows: 1 }]);
  });

  test.each([
    ['a sink that denies access', new BlockedError('ACCESS_DENIED', 'denied'), 60_000, 30_000],
    ['a sink that throttles', new TransientError('AWS_UNAVAILABLE', 'throttled'), 60_000, 5_000],
    [
      'a sink that denies access shortly before the time-out',
      new BlockedError('ACCESS_DENIED', 'denied'),
      9_000,
      7_000,
    ],
    ['a bug', new TypeError('undefined is not a function'), 60_000, 0],
  ])(
    'holds an attempt that fails because of a store, so that an outage does not use up the attempts: %s',
    async (_name, error, remainingMs, expectedMs) => {
      const { deps, clock } = setUp(() => {
        throw error;
      });
      await expect(createHandler(deps)(eventOf('{"id":"a"}'), contextOf(remainingMs))).rejects.toBe(error);
      expect(clock.nowMs() - START_MS).toBe(expectedMs);
    },
  );

  test('throws when the sink is denied, and commits nothing', async () => {
    const { deps } = setUp();
    const denied = {
      ...deps,
      lake: {
        putIfAbsent: () => Promise.reject(new BlockedError('ACCESS_DENIED', 'denied')),
        overwrite: () => Promise.reject(new BlockedError('ACCESS_DENIED', 'denied')),
        kindOf: () => Promise.reject(new BlockedError('ACCESS_DENIED', 'denied')),
      },
    };
    await expect(createHandler(denied)(eventOf('{"id":"a"}'), contextOf(60_000))).rejects.toMatchObject({
      disposition: 'block',
    });
    expect(deps.ledger.peek(LANE).position).toBeUndefined();
  });
});
