import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DemoScale } from '../../demo/data/prepare.ts';
import type { Progress } from '../../demo/progress.ts';
import { sumSources, toJson, type DemoReport } from '../../demo/report.ts';
import { runDemo } from '../../demo/run-demo.ts';
import { renderSummary } from '../../demo/summary.ts';
import { queryLake } from '../../shared/adapters/duckdb/query-lake.ts';

/** The demo in small: the same code, contracts, bundles and templates with fewer records. */
const SCALE: DemoScale = {
  flights: 4000,
  flightsPerRequest: 200,
  earthquakes: 600,
  earthquakesPerRequest: 60,
  birdStrikes: 2600,
  birdStrikesLater: 300,
};

const phases: string[] = [];
const progress: Progress = {
  start: (title) => ({
    update: () => undefined,
    done: () => phases.push(`done: ${title}`),
    fail: () => phases.push(`failed: ${title}`),
  }),
};

let folder: string;
let report: DemoReport;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headgate-e2e-'));
  report = await runDemo({
    scale: SCALE,
    mayUseRunning: false,
    lakeFolder: join(folder, 'lake'),
    progress,
    signal: new AbortController().signal,
    onPollerEvent: (event) => phases.push(event.kind),
  });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('records pushed and pulled through the embedded cloud', () => {
  test('land once each with the values that were sent, and the counts add up', () => {
    expect(report.problems).toEqual([]);
    expect(sumSources(report.sources.values())).toMatchObject({ lost: 0, duplicated: 0 });
    expect([...report.sources].map(([name, { landed }]) => [name, landed])).toEqual([
      ['earthquakes', SCALE.earthquakes],
      ['flights', SCALE.flights],
      ['birdstrikes', SCALE.birdStrikes],
    ]);
    for (const { accepted, landed, duplicate, quarantined, sent, rejected } of report.sources.values()) {
      expect(sent).toBe(accepted + rejected);
      expect(accepted).toBe(landed + duplicate + quarantined);
    }
  });

  test('meet every kind of trouble on the way', () => {
    const total = sumSources(report.sources.values());
    expect(total.duplicate).toBeGreaterThan(0);
    expect(total.rejected).toBeGreaterThan(0);
    expect(total.quarantinedByReason['CONTRACT']).toBeGreaterThan(0);
    expect(total.quarantinedByReason['KEY_CONFLICT']).toBe(25);
    expect(report.sources.get('birdstrikes')?.duplicate).toBeGreaterThan(0);
  });

  test('take no wrong turn that only luck mends', () => {
    expect(phases.filter((phase) => !phase.startsWith('done: '))).toEqual([]);
  });

  test('have a latency and a price', () => {
    expect(report.latencyMs.p50).toBeGreaterThan(0);
    expect(report.latencyMs.p99).toBeGreaterThanOrEqual(report.latencyMs.p50);
    const used = Object.fromEntries(report.cost.lines.map(({ price, amount }) => [price, amount]));
    for (const [price, amount] of Object.entries(used)) expect(amount, price).toBeGreaterThan(0);
    expect(used['apiRequest']).toBe(report.push.requests);
    expect(report.cost.usdPerGb).toBeGreaterThan(0);
  });
});

describe('the lake', () => {
  test('is still there after the cloud has gone, and answers queries', async () => {
    const { rows } = await queryLake(join(folder, 'lake'), 'SELECT count(*), min(dt), max(dt) FROM flights');
    expect(rows).toEqual([[String(SCALE.flights), '2001-01-01', '2001-01-01']]);
    expect(report.query.result.rows).toHaveLength(5);
  });

  test('has no other folder beside it', async () => {
    expect(await readdir(folder)).toEqual(['lake']);
    expect(existsSync(join(folder, 'lake', 'raw', 'birdstrikes'))).toBe(true);
  });
});

describe('the report', () => {
  test('is one JSON object with the documented keys', () => {
    const keys = ['sent', 'accepted', 'duplicate', 'quarantined', 'landed', 'lost', 'duplicated'];
    const json = JSON.parse(JSON.stringify(toJson(report))) as Record<string, Record<string, unknown>>;
    expect(Object.keys(json)).toEqual(['sources', 'totals', 'bytes', 'latencyMs', 'wallSeconds']);
    for (const figures of [...Object.values(json['sources'] ?? {}), json['totals']]) {
      expect(Object.keys(figures as object)).toEqual(keys);
    }
    expect(json['bytes']).toEqual({
      raw: expect.any(Number) as number,
      parquet: expect.any(Number) as number,
    });
  });

  test('is text for people that names the folder and both queries', () => {
    const text = renderSummary(report);
    for (const part of [report.lakeFolder, report.query.sql, report.query.athenaSql, 'none lost']) {
      expect(text).toContain(part);
    }
  });
});
