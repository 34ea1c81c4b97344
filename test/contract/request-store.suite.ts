import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { RequestClaim, RequestStore } from '../../shared/ports/request-store.ts';
import type { Subject } from './subject.ts';

const NOW_MS = Date.now();
const LEASE_MS = 30_000;
const WINDOW_MS = 7 * 24 * 60 * 60 * 1000;
const WRITERS = 20;

/** What the push lane relies on, whatever the store is made of. */
export function requestStoreContract(subject: Subject<RequestStore>): void {
  describe('request store', () => {
    test('the first request with a key is new', async () => {
      const store = await subject.open();
      expect(await store.begin(requestOf({}))).toEqual({ status: 'new' });
    });

    test('while it runs, the same request is in progress', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      expect(await store.begin(again(first))).toEqual({ status: 'in-progress' });
    });

    test('when it is done, every repetition gets the first answer', async () => {
      const store = await subject.open();
      const first = requestOf({});
      const answer = { statusCode: 202, body: '{"accepted":3,"results":[{"id":"é"}]}' };
      await store.begin(first);
      await store.complete(first, answer);
      for (let i = 0; i < 2; i++) {
        expect(await store.begin(again(first))).toEqual({ status: 'done', answer });
      }
    });

    test.each([0, 1, 100_000, 2_000_000])(
      'an answer of %i hard to compress characters is given again',
      async (length) => {
        const store = await subject.open();
        const first = requestOf({});
        const answer = { statusCode: 422, body: randomBytes(length).toString('base64').slice(0, length) };
        await store.begin(first);
        await store.complete(first, answer);
        expect(await store.begin(again(first))).toEqual({ status: 'done', answer });
      },
    );

    test('the same key with another payload is told so, while the first runs and afterwards', async () => {
      const store = await subject.open();
      const first = requestOf({});
      const other = again(first, { payloadHash: 'f00d' });
      await store.begin(first);
      expect(await store.begin(other)).toEqual({ status: 'other-payload' });
      await store.complete(first, { statusCode: 202, body: '{}' });
      expect(await store.begin(other)).toEqual({ status: 'other-payload' });
    });

    test('of many simultaneous requests with one key exactly one is new', async () => {
      const store = await subject.open();
      const first = requestOf({});
      const results = await Promise.all(Array.from({ length: WRITERS }, () => store.begin(again(first))));
      expect(results.filter(({ status }) => status === 'new')).toHaveLength(1);
      expect(results.filter(({ status }) => status === 'in-progress')).toHaveLength(WRITERS - 1);
    });

    test('after the lease a request that was not completed is begun again, by exactly one', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      expect(await store.begin(again(first, { nowMs: first.leaseUntilMs - 1 }))).toEqual({
        status: 'in-progress',
      });
      const results = await Promise.all(
        Array.from({ length: 8 }, () =>
          store.begin(
            again(first, { nowMs: first.leaseUntilMs, leaseUntilMs: first.leaseUntilMs + LEASE_MS }),
          ),
        ),
      );
      expect(results.filter(({ status }) => status === 'new')).toHaveLength(1);
    });

    test('an attempt that was superseded completes nothing and releases nothing', async () => {
      const store = await subject.open();
      const zombie = requestOf({});
      const second = again(zombie, {
        nowMs: zombie.leaseUntilMs,
        leaseUntilMs: zombie.leaseUntilMs + LEASE_MS,
      });
      await store.begin(zombie);
      await store.begin(second);
      await store.complete(zombie, { statusCode: 202, body: 'zombie' });
      await store.release(zombie);
      expect(await store.begin(again(second))).toEqual({ status: 'in-progress' });
      await store.complete(second, { statusCode: 202, body: 'second' });
      await store.complete(zombie, { statusCode: 500, body: 'zombie' });
      expect(await store.begin(again(second))).toMatchObject({ status: 'done', answer: { body: 'second' } });
    });

    test('a long answer of a superseded attempt does not damage that of the newer one', async () => {
      const store = await subject.open();
      const zombie = requestOf({});
      const second = again(zombie, {
        nowMs: zombie.leaseUntilMs,
        leaseUntilMs: zombie.leaseUntilMs + LEASE_MS,
      });
      const body = randomBytes(600_000).toString('base64');
      await store.begin(zombie);
      await store.begin(second);
      await store.complete(second, { statusCode: 202, body });
      await store.complete(zombie, { statusCode: 500, body: randomBytes(900_000).toString('base64') });
      expect(await store.begin(again(second))).toEqual({ status: 'done', answer: { statusCode: 202, body } });
    });

    test('the first answer stays when an attempt completes twice', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      await store.complete(first, { statusCode: 202, body: 'first' });
      await store.complete(first, { statusCode: 500, body: 'second' });
      expect(await store.begin(again(first))).toMatchObject({ status: 'done', answer: { body: 'first' } });
    });

    test('a released request can be begun again at once, with any payload', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      await store.release(first);
      expect(await store.begin(again(first, { payloadHash: 'f00d' }))).toEqual({ status: 'new' });
    });

    test('a completed request cannot be released', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      await store.complete(first, { statusCode: 202, body: '{}' });
      await store.release(first);
      expect(await store.begin(again(first))).toMatchObject({ status: 'done' });
    });

    test('after its expiry a key is free again, also for another payload', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      await store.complete(first, { statusCode: 202, body: '{}' });
      const before = again(first, { nowMs: first.expiresAtMs - 1, payloadHash: 'f00d' });
      expect(await store.begin(before)).toEqual({ status: 'other-payload' });
      const late = again(first, {
        nowMs: first.expiresAtMs,
        leaseUntilMs: first.expiresAtMs + LEASE_MS,
        expiresAtMs: first.expiresAtMs + WINDOW_MS,
        payloadHash: 'f00d',
      });
      expect(await store.begin(late)).toEqual({ status: 'new' });
      expect(await store.begin(again(late))).toEqual({ status: 'in-progress' });
    });

    test('keys of different sources, and keys that differ in any character, are different', async () => {
      const store = await subject.open();
      const first = requestOf({});
      await store.begin(first);
      expect(await store.begin(again(first, { source: 'invoices' }))).toEqual({ status: 'new' });
      for (const idempotencyKey of [
        `${first.idempotencyKey} `,
        first.idempotencyKey.toUpperCase(),
        'ä'.repeat(200),
      ]) {
        expect(await store.begin(requestOf({ idempotencyKey: `${idempotencyKey}#` }))).toEqual({
          status: 'new',
        });
      }
    });

    test('a call whose answer was lost and that is repeated has its effect once', async () => {
      const store = await subject.openLosingAnswers();
      const first = requestOf({});
      expect(await store.begin(first)).toEqual({ status: 'new' });
      expect(await store.begin(again(first))).toEqual({ status: 'in-progress' });
      await store.release(first);
      const second = again(first);
      expect(await store.begin(second)).toEqual({ status: 'new' });
      await store.complete(second, { statusCode: 202, body: 'kept' });
      expect(await store.begin(again(first))).toEqual({
        status: 'done',
        answer: { statusCode: 202, body: 'kept' },
      });
    });
  });
}

function requestOf(changed: Partial<RequestClaim>): RequestClaim {
  return {
    source: 'orders',
    idempotencyKey: `key-${randomUUID()}`,
    payloadHash: 'c0ffee',
    attempt: randomUUID(),
    nowMs: NOW_MS,
    leaseUntilMs: NOW_MS + LEASE_MS,
    expiresAtMs: NOW_MS + WINDOW_MS,
    ...changed,
  };
}

/** The same request, sent again. */
function again(request: RequestClaim, changed: Partial<RequestClaim> = {}): RequestClaim {
  return { ...request, attempt: randomUUID(), ...changed };
}
