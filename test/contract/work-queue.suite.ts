import { describe, expect, test } from 'vitest';
import type { PullWork, WorkDeliveries, WorkQueue } from '../../shared/ports/work-queue.ts';

/** A queue and those who take from it, as the event-source mapping does. */
export interface QueueUnderTest {
  readonly queue: WorkQueue & WorkDeliveries;
  /** Takes a message that is visible now; it is hidden for longer than a test lasts. */
  readonly receive: () => Promise<{ readonly work: PullWork; readonly receipt: string } | undefined>;
  /** The invocation has ended without an error. */
  readonly done: (receipt: string) => Promise<void>;
  /** Lets time go by. */
  readonly pass: (seconds: number) => Promise<void>;
}

export interface WorkQueueSubject {
  /** An empty queue. */
  open(): Promise<QueueUnderTest>;
  /** The same, whose every call has its effect, loses its first answer and is repeated as the SDK does it. */
  openLosingAnswers(): Promise<QueueUnderTest>;
}

/** One of each form. */
const WORKS: readonly PullWork[] = [
  { source: 'orders' },
  { source: 'orders', task: 'run' },
  { source: 'orders', task: 'settle' },
  { source: 'orders', task: 'split', extract: 12, slot: 0 },
  { source: 'orders', task: 'backfill', backfill: 3 },
  { source: 'orders', task: 'backfill', backfill: 3, slot: 7 },
];

/** What functions rely on that leave work to others, whatever the queue is made of. */
export function workQueueContract(subject: WorkQueueSubject): void {
  describe('work queue', () => {
    test('every piece of work is delivered as it was sent', async () => {
      const { queue, receive } = await subject.open();
      for (const work of WORKS) await queue.send(work);
      const received: PullWork[] = [];
      for (let at = 0; at < WORKS.length; at++) {
        const delivery = await receive();
        if (delivery !== undefined) received.push(delivery.work);
      }
      expect(received.map((work) => JSON.stringify(work)).sort()).toEqual(
        WORKS.map((work) => JSON.stringify(work)).sort(),
      );
      expect(await receive()).toBeUndefined();
    });

    test('work with a delay is not delivered before it is over', async () => {
      const { queue, receive, pass } = await subject.open();
      await queue.send({ source: 'later' }, 2);
      await queue.send({ source: 'now' });
      expect((await receive())?.work).toEqual({ source: 'now' });
      expect(await receive()).toBeUndefined();
      await pass(2);
      expect((await receive())?.work).toEqual({ source: 'later' });
    });

    test('work that has failed comes again when it was postponed to, and not before', async () => {
      const { queue, receive, pass } = await subject.open();
      await queue.send({ source: 'orders' });
      const first = await receive();
      await queue.postpone(first?.receipt ?? '', 2);
      expect(await receive()).toBeUndefined();
      await pass(2);
      expect((await receive())?.work).toEqual({ source: 'orders' });
    });

    test('work that is done does not come again', async () => {
      const { queue, receive, done, pass } = await subject.open();
      await queue.send({ source: 'orders' });
      const { receipt = '' } = (await receive()) ?? {};
      await queue.postpone(receipt, 1);
      await done(receipt);
      await pass(1);
      expect(await receive()).toBeUndefined();
    });

    test('after a lost answer work is delivered once at least', async () => {
      const { queue, receive } = await subject.openLosingAnswers();
      await queue.send({ source: 'orders' });
      const received: PullWork[] = [];
      for (let delivery = await receive(); delivery !== undefined; delivery = await receive())
        received.push(delivery.work);
      expect(received.length).toBeGreaterThanOrEqual(1);
      expect(received.length).toBeLessThanOrEqual(2);
      expect(new Set(received.map(({ source }) => source))).toEqual(new Set(['orders']));
    });
  });
}
