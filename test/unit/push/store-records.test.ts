import { expect, test } from 'vitest';
import { storeRecords, type Submission } from '../../../lambdas/push/store-records.ts';
import { MemoryRequestStore } from '../../../shared/adapters/memory/memory-request-store.ts';
import { MemoryTelemetry } from '../../../shared/adapters/memory/memory-telemetry.ts';
import { declareLimited } from '../../support/declare-limited.ts';

/** What a request fails with whose records are checked in some time, with so much time left when that begins. */
async function failureOf(remainingMs: number, checkMs: number): Promise<unknown> {
  const deps = {
    busOf: () => {
      throw new Error('sent');
    },
    requests: new MemoryRequestStore(),
    accepted: { count: () => Promise.resolve() },
    telemetry: new MemoryTelemetry(),
  };
  let leftMs = remainingMs;
  const submission: Submission = {
    source: declareLimited({}),
    receivedAtMs: 0,
    remainingMs: () => leftMs,
    isVerbose: false,
    check: () => {
      leftMs -= checkMs;
      return { outcomes: [], kept: [] };
    },
  };
  return await storeRecords(deps, submission).catch((error: unknown) => error);
}

test('records that take long to check are too large for one request', async () => {
  expect(await failureOf(24_000, 10_000)).toMatchObject({ problem: 'too-large' });
});

test.each([
  [14_000, 10],
  [15_100, 1_000],
])(
  'when calls before have left %i ms, records that take %i ms to check are to be sent again',
  async (...ms) => {
    expect(await failureOf(...ms)).toMatchObject({ code: 'OUT_OF_TIME', disposition: 'retry' });
  },
);

test('with time enough they are sent', async () => {
  expect(await failureOf(24_000, 8_000)).toMatchObject({ message: 'sent' });
});
