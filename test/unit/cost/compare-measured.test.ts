import { describe, expect, test } from 'vitest';
import { compareMeasured } from '../../../shared/config/plan/compare-measured.ts';
import { planDeployment } from '../../../shared/config/plan/plan-deployment.ts';
import { parseConfig } from '../../../shared/config/define-config.ts';
import type { HeadgateConfig } from '../../../shared/config/schema.ts';
import type { MeasuredSource } from '../../../shared/domain/cost/measured-source.ts';

function declare(more: object = {}): HeadgateConfig {
  return parseConfig({
    sources: {
      orders: {
        type: 'push',
        key: ['id'],
        freshness: '30 seconds',
        volume: { gbPerDay: 100, recordBytes: 1000 },
        dedupe: 'request',
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
        ...more,
      },
    },
  });
}

/** What was declared, exactly. */
const asDeclared: MeasuredSource = {
  source: 'orders',
  days: 7,
  records: 7e8,
  gbPerDay: 100,
  recordBytes: 1000,
  recordsPerRequest: 500,
  frameCompression: 3.6,
  parquetCompression: 5,
  filesPerDay: 5_000,
  bytesPerFile: 4e6,
  duplicates: 0,
  logGbPerDay: 0.02,
  latency: { p50Ms: 6_000, p99Ms: 14_000 },
};
const found = (
  more: Partial<MeasuredSource>,
  reads?: { queries: number; days: number },
  config = declare(),
) => compareMeasured(config, { ...asDeclared, ...more }, reads);
const idsOf = (findings: readonly { readonly id: string }[]): string[] => findings.map(({ id }) => id);

describe('what was measured', () => {
  test('as it was declared is nothing to talk about', () => {
    expect(found({})).toEqual([]);
    expect(found({ gbPerDay: 80, recordBytes: 900 })).toEqual([]);
  });

  test('a volume that is much smaller asks for another declaration, which costs what the plan says', () => {
    const [finding] = found({ gbPerDay: 2.04, recordBytes: 640 });
    expect(finding).toMatchObject({ id: 'volume-differs', field: 'sources.orders.volume' });
    expect(finding?.next).toContain('{"gbPerDay":2,"recordBytes":640}');
    const { usdPerMonth: alone } = planDeployment(
      declare({ volume: { gbPerDay: 2, recordBytes: 640 }, recordsPerRequest: 500 }),
    ).sources[0] ?? { usdPerMonth: Number.NaN };
    const [, deployed = '', planned = ''] =
      /costs \$([\d.]+) a month, planned for it \$([\d.]+)/.exec(finding?.says ?? '') ?? [];
    // Frames and files compress as they were measured, so the plan is not met to the cent.
    expect(Number(planned) / alone).toBeCloseTo(1, 1);
    expect(finding?.usdPerMonth).toBeCloseTo(Number(deployed) - Number(planned), 1);
    expect(finding?.usdPerMonth).toBeGreaterThanOrEqual(0);
  });

  test('a volume that is much larger costs more, and is said as well', () => {
    const [finding] = found({ gbPerDay: 1_000 });
    expect(finding?.id).toBe('volume-differs');
    expect(finding?.usdPerMonth).toBeLessThanOrEqual(0);
  });

  test('records of another size are declared anew where the volume is right', () => {
    expect(found({ recordBytes: 3000, recordsPerRequest: 300 })).toMatchObject([
      { id: 'record-size-differs', next: 'declare recordBytes: 3000' },
    ]);
    expect(idsOf(found({ recordBytes: 3000, gbPerDay: 5 }))).not.toContain('record-size-differs');
  });

  test('requests of single records are most of the price', () => {
    const [finding] = found({ recordsPerRequest: 1.2 });
    expect(finding).toMatchObject({ id: 'few-records-in-requests' });
    // Over $1 a GB for requests, 3,041 GB a month.
    expect(finding?.usdPerMonth).toBeGreaterThan(3_000);
  });

  test('later than asked is said without a price', () => {
    expect(found({ latency: { p50Ms: 20_000, p99Ms: 95_000 } })).toMatchObject([
      { id: 'later-than-asked', usdPerMonth: undefined },
    ]);
  });

  test('a table that is queried once a day need not be fresh within seconds', () => {
    const findings = found({}, { queries: 14, days: 14 });
    expect(findings).toMatchObject([{ id: 'fresher-than-read' }]);
    expect(findings[0]?.next).toContain('freshness: "6 hours"');
    expect(findings[0]?.usdPerMonth).toBeGreaterThan(1);
    // Every five minutes it is another matter.
    expect(found({}, { queries: 14 * 288, days: 14 })).toEqual([]);
  });

  test('a table that nobody has queried for two weeks costs all of it; before that nothing is said', () => {
    const [finding] = found({}, { queries: 0, days: 14 });
    expect(finding).toMatchObject({ id: 'read-by-nobody' });
    expect(finding?.usdPerMonth).toBeGreaterThan(20);
    expect(finding?.next).toContain('are not seen');
    expect(finding?.next).toMatch(
      /archive it with sources\.orders: \{ freshness: "1 day" \}, which lands it all the same and saves \$[\d.]+ a month/,
    );
    // What is pushed cannot be paused.
    expect(finding?.next).not.toContain('headgate pause');
    expect(found({}, { queries: 0, days: 13 })).toEqual([]);
    expect(found({}, undefined)).toEqual([]);
  });

  test('many small files cost their PUT and their GET', () => {
    const [finding] = found({ filesPerDay: 100_000, bytesPerFile: 2e5 });
    expect(finding).toMatchObject({ id: 'many-small-files' });
    // 20 GB of Parquet a day fit 20,000 files of a megabyte: 80,000 are too many, at $5.40 a million.
    expect(finding?.usdPerMonth).toBeCloseTo(80_000 * (730 / 24) * 5.4e-6, 1);
  });

  test('log lines that cost a tenth of everything are said, with what they cost', () => {
    // $0.50 a GB, some 30 days.
    const [finding] = found({ logGbPerDay: 4 });
    expect(finding).toMatchObject({ id: 'logs-cost-much', field: 'sources.orders.recordsPerRequest' });
    expect(finding?.usdPerMonth).toBeCloseTo(4 * 0.5 * (730 / 24), 6);
    expect(found({ logGbPerDay: undefined })).toEqual([]);
  });

  test('claims of records that never come twice could be claims of requests', () => {
    const config = declare({ dedupe: 'record' });
    const [finding] = found({}, undefined, config);
    expect(finding).toMatchObject({ id: 'no-duplicates-found', field: 'sources.orders.dedupe' });
    expect(finding?.usdPerMonth).toBeGreaterThan(1);
    expect(found({ duplicates: 0.0001 }, undefined, config)).toEqual([]);
  });

  test('a source that is not declared any more is left out', () => {
    expect(compareMeasured(declare(), { ...asDeclared, source: 'gone' }, undefined)).toEqual([]);
  });
});
