import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileSources } from '../../../shared/config/compile-sources.ts';
import { compileValidators } from '../../../shared/config/compile-validators.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import { claimBucket, finerBucket, type ClaimBucket } from '../../../shared/domain/claim-bucket.ts';
import type { Source } from '../../../shared/domain/source.ts';

const MAX_MS = 8.64e15;
const time = fc.oneof(
  fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2030, 0, 1) }),
  fc.integer({ min: -MAX_MS + 86_400_000, max: MAX_MS }),
);

/** Settings that people change while a source is in use; none of them is part of a key. */
const settings = fc.record({
  partition: fc.constantFrom('hour' as const, 'day' as const),
  dedupeWindow: fc.constantFrom('1 day', '7 days', '30 days'),
  freshness: fc.constantFrom('1 second', '5 minutes'),
  requires: fc.boolean(),
  extraField: fc.boolean(),
});
type Settings = typeof settings extends fc.Arbitrary<infer Value> ? Value : never;

/** How a source tells its event time, and whether the time is part of its key. */
const shape = fc.record({
  format: fc.constantFrom('epoch-milliseconds' as const, 'epoch-seconds' as const, 'iso-8601' as const),
  hasTimeInKey: fc.boolean(),
});
type Shape = typeof shape extends fc.Arbitrary<infer Value> ? Value : never;

const compiled = new Map<string, Source>();

function sourceOf({ format, hasTimeInKey }: Shape, changed: Settings): Source {
  const name = JSON.stringify([format, hasTimeInKey, changed]);
  let source = compiled.get(name);
  if (source !== undefined) return source;
  const at = format === 'iso-8601' ? { type: 'string' } : { type: 'number' };
  const config = parseConfig({
    sources: {
      events: {
        type: 'push',
        freshness: changed.freshness,
        volume: { gbPerDay: 1 },
        dedupeWindow: changed.dedupeWindow,
        partition: changed.partition,
        key: hasTimeInKey ? ['id', 'at'] : ['id'],
        eventTime: { path: 'at', format },
        contract: {
          schema: {
            type: 'object',
            ...(changed.requires && { required: ['id', 'at'] }),
            properties: {
              id: { type: 'string' },
              at,
              ...(changed.extraField && { more: { type: 'string' } }),
            },
          },
        },
      },
    },
  });
  source = compileSources(config, compileValidators(config)).get('events');
  if (source === undefined) throw new Error('the source is not compiled');
  compiled.set(name, source);
  return source;
}

const text = ({ format }: Shape, id: string, ms: number): string =>
  JSON.stringify({
    id,
    at:
      format === 'epoch-milliseconds'
        ? ms
        : format === 'epoch-seconds'
          ? ms / 1000
          : new Date(ms).toISOString(),
  });

/** The bucket of a record, and those it is claimed in when buckets are closed, one after the other. */
function bucketsOf(source: Source, record: string, receivedAtMs: number): { key: string; buckets: string[] } {
  const checked = source.check(Buffer.from(record), receivedAtMs);
  if (checked.status !== 'accepted')
    throw new Error(`${checked.status}: ${JSON.stringify(checked.violations)}`);
  const { fingerprint, eventTimeMs } = checked.record;
  const buckets: string[] = [];
  let bucket: ClaimBucket | undefined = claimBucket(source.name, source.config, eventTimeMs);
  for (; bucket !== undefined; bucket = finerBucket(source.name, bucket, eventTimeMs))
    buckets.push(bucket.name);
  return { key: Buffer.from(fingerprint).toString('hex'), buckets };
}

const year = fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2100, 0, 1) });

describe('buckets of claims', () => {
  test('a key is claimed in the same buckets whenever its record arrives and whatever settings change', () => {
    fc.assert(
      fc.property(
        shape,
        fc.tuple(settings, settings),
        fc.string(),
        year,
        fc.tuple(time, time),
        (form, [before, after], id, eventMs, [first, second]) => {
          const record = text(form, id, eventMs);
          expect(bucketsOf(sourceOf(form, after), record, second)).toEqual(
            bucketsOf(sourceOf(form, before), record, first),
          );
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a source whose key has no time has one bucket for all keys, and no finer one', () => {
    fc.assert(
      fc.property(settings, year, year, (changed, first, second) => {
        const form: Shape = { format: 'epoch-milliseconds', hasTimeInKey: false };
        const source = sourceOf(form, changed);
        const { buckets } = bucketsOf(source, text(form, 'a', first), 0);
        expect(buckets).toHaveLength(1);
        expect(bucketsOf(source, text(form, 'b', second), 0).buckets).toEqual(buckets);
      }),
    );
  });

  test('slices are nested: who shares a finer slice shares the coarser ones, and slices end where they say', () => {
    const form: Shape = { format: 'epoch-milliseconds', hasTimeInKey: true };
    const source = sourceOf(form, {
      partition: 'day',
      dedupeWindow: '7 days',
      freshness: '5 minutes',
      requires: true,
      extraField: false,
    });
    const widthsMs = [86_400_000, 3_600_000, 300_000, 20_000];
    fc.assert(
      fc.property(
        year,
        fc.oneof(fc.nat(60_000), fc.nat(7_200_000), fc.nat(200_000_000)),
        (first, apartMs) => {
          const second = first + apartMs;
          const [a, b] = [first, second].map((ms) => bucketsOf(source, text(form, 'x', ms), 0).buckets);
          const isShared = widthsMs.map(
            (widthMs) => Math.floor(first / widthMs) === Math.floor(second / widthMs),
          );
          expect(a?.map((name, level) => name === b?.[level])).toEqual(isShared);
          expect(new Set([...(a ?? []), ...(b ?? [])]).size).toBe(
            2 * widthsMs.length - isShared.filter(Boolean).length,
          );
        },
      ),
      { numRuns: 3000 },
    );
  });
});
