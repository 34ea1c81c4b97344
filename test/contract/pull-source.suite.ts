import { describe, expect, test } from 'vitest';
import { HeadgateError } from '../../shared/domain/errors.ts';
import type { PullSource } from '../../shared/ports/pull-source.ts';

/** A record of the suite: its cursor is the number at `ts`; the text is what the source has to give back. */
export interface SuiteRecord {
  readonly ts: number;
  readonly text: string;
}

/** A source with some records, in ascending order of `ts`, three of them on a page. */
export interface OpenedSource {
  readonly pages: PullSource;
  /** The same source, opened by another process. */
  readonly again: () => PullSource;
  /** The following requests fail: in a way that passes, or in one that an operator has to mend; undefined: no more. */
  fail(how: 'passing' | 'lasting' | undefined): void;
  /** Requests that have reached the system so far. */
  requests(): number;
  readonly nowMs: () => number;
}

export interface PullSourceSubject {
  open(records: readonly SuiteRecord[]): Promise<OpenedSource>;
}

const RUN_MS = 60_000;
const RECORDS: readonly SuiteRecord[] = [
  '{"id":1,"ts":10}',
  '{ "id" : 9007199254740993, "ts" : 20 }',
  '{"ts":20,"id":3,"text":"a ]}\\" \\u00e4 ä"}',
  '{"id":4,"ts":20,"amount":1.10}',
  '{"id":5,"ts":30,"nested":{"list":[1,[2]]}}',
  '{"id":6,"ts":40}',
  '{"id":7,"ts":50}',
].map((text) => ({ text, ts: (JSON.parse(text) as { ts: number }).ts }));

interface Range {
  readonly since?: string;
  readonly until?: string;
}

async function readAll(pages: PullSource, nowMs: () => number, range: Range = {}) {
  const texts: string[][] = [];
  const tokens: (string | undefined)[] = [undefined];
  for (let token: string | undefined; ;) {
    const page = await pages.fetchPage({ since: undefined, ...range, token, deadlineMs: nowMs() + RUN_MS });
    texts.push(page.records.map((bytes) => Buffer.from(bytes).toString('utf8')));
    token = page.next;
    if (token === undefined) return { texts: texts.flat(), pages: texts, tokens };
    tokens.push(token);
  }
}

/** What the reader relies on, whatever is read. See docs/pull-sources.md. */
export function pullSourceContract(subject: PullSourceSubject): void {
  describe('pull source', () => {
    const all = RECORDS.map(({ text }) => text);

    test('gives every record once, in its order, with its original bytes', async () => {
      const { pages, nowMs } = await subject.open(RECORDS);
      expect((await readAll(pages, nowMs, { since: '0' })).texts).toEqual(all);
    });

    test('a source without records has an end', async () => {
      const { pages, nowMs } = await subject.open([]);
      expect((await readAll(pages, nowMs, { since: '0' })).texts).toEqual([]);
    });

    test('`since` is inclusive: all records with that very value are there', async () => {
      const { pages, nowMs } = await subject.open(RECORDS);
      expect((await readAll(pages, nowMs, { since: '20' })).texts).toEqual(all.slice(1));
      expect((await readAll(pages, nowMs, { since: '51' })).texts).toEqual([]);
    });

    test('`until` leaves out nothing before it', async () => {
      const { pages, nowMs } = await subject.open(RECORDS);
      const { texts } = await readAll(pages, nowMs, { since: '0', until: '30' });
      expect(texts).toEqual(expect.arrayContaining(all.slice(0, 4)));
    });

    test('a page is asked for again with the same token, here and in another process', async () => {
      const { pages, again, nowMs } = await subject.open(RECORDS);
      const first = await readAll(pages, nowMs, { since: '0' });
      for (const [n, token] of first.tokens.entries()) {
        for (const reader of [pages, again()]) {
          const page = await reader.fetchPage({ since: '0', token, deadlineMs: nowMs() + RUN_MS });
          expect(page.records.map((bytes) => Buffer.from(bytes).toString('utf8'))).toEqual(first.pages[n]);
        }
      }
    });

    test('tokens are short texts', async () => {
      const { pages, nowMs } = await subject.open(RECORDS);
      for (const token of (await readAll(pages, nowMs, { since: '0' })).tokens) {
        expect(token?.length ?? 0).toBeLessThan(10_000);
      }
    });

    test('what passes is repeated, and is an error of disposition retry when it does not pass in time', async () => {
      const source = await subject.open(RECORDS);
      source.fail('passing');
      const error = await readAll(source.pages, source.nowMs, { since: '0' }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(HeadgateError);
      expect(error).toMatchObject({ disposition: 'retry' });
      expect(source.requests()).toBeGreaterThan(1);
      source.fail(undefined);
      expect((await readAll(source.pages, source.nowMs, { since: '0' })).texts).toEqual(all);
    });

    test('what an operator has to mend is asked once, and is an error of disposition block', async () => {
      const source = await subject.open(RECORDS);
      source.fail('lasting');
      const error = await readAll(source.pages, source.nowMs, { since: '0' }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(HeadgateError);
      expect(error).toMatchObject({ disposition: 'block' });
      expect(source.requests()).toBe(1);
    });

    test('nothing is asked after the deadline', async () => {
      const source = await subject.open(RECORDS);
      const late = source.pages.fetchPage({ since: '0', token: undefined, deadlineMs: source.nowMs() });
      await expect(late).rejects.toMatchObject({ disposition: 'retry' });
      expect(source.requests()).toBe(0);
    });
  });
}
