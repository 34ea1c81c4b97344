import { describe, expect, test } from 'vitest';
import { TransientError } from '../../../shared/domain/errors.ts';
import { countOf, parseTablePosition } from '../../../shared/domain/table-position.ts';
import type { SourceCount } from '../../../shared/domain/source-count.ts';
import { TableWorld } from '../../support/table-world.ts';

const HOUR_MS = 3_600_000;
const timeout = new TransientError('DB_TIMEOUT', 'too slow');
const SECOND_MICROS = 1_000_000;

type Settings = ConstructorParameters<typeof TableWorld>[0];

/** A table whose cursors are seconds of now. */
class Counted {
  readonly world: TableWorld;
  readonly #start: number;

  constructor(settings: Settings) {
    this.world = new TableWorld({ changes: 'append', ...settings }, 'application');
    this.#start = this.world.clock.nowMs() * 1000;
    this.world.rows.now = BigInt(this.#start + 1_000_000 * SECOND_MICROS);
  }

  put(id: number, second: number): void {
    this.world.rows.put(id, this.#start + second * SECOND_MICROS, `v${String(id)}`);
  }

  text(second: number): string {
    return String(this.#start + second * SECOND_MICROS).padStart(18, '0');
  }

  /** A run, so much later. */
  async runAfter(ms: number): Promise<void> {
    this.world.clock.advance(ms);
    await this.world.run();
  }

  async count(): Promise<SourceCount | undefined> {
    return countOf((await this.world.ledger.read(this.world.lane)).position);
  }

  get missing(): number {
    return this.world.telemetry.total('MissingRecords', 'orders');
  }
}

const MODES: [string, Settings][] = [
  ['by a horizon', { incremental: { cursor: 'at' } }],
  ['with a look-back', { incremental: { cursor: 'at', lookback: '60 seconds' } }],
];

describe.each(MODES)('rows of a table that is read %s', (name, settings) => {
  /** Rows of a second each, and those of later, so that the first ones are not read again. */
  async function landed(others: Settings = {}): Promise<Counted> {
    const table = new Counted({ ...settings, ...others });
    for (let id = 1; id <= 10; id++) table.put(id, id);
    await table.runAfter(0);
    for (let id = 11; id <= 20; id++) table.put(id, 200 + id);
    await table.runAfter(300_000);
    return table;
  }

  test('are counted at the source when it is time, and all of them are there', async () => {
    const table = await landed();
    expect((await table.count())?.last).toBeUndefined();
    await table.runAfter(HOUR_MS);
    // With a look-back, those that are not read again.
    const rows = name === 'by a horizon' ? 20 : 9;
    expect((await table.count())?.last).toMatchObject({ known: rows, found: rows, missing: 0 });
    expect(table.missing).toBe(0);
  });

  test('that became visible after they were read past are found, with the stretch that they are in', async () => {
    const table = await landed();
    table.put(101, 3);
    table.put(102, 7);
    await table.runAfter(HOUR_MS);
    expect(table.world.versions()).not.toContain('v101');
    expect(table.missing).toBe(2);
    const { last, missing } = (await table.count()) ?? {};
    expect(last?.missing).toBe(2);
    expect(missing?.rows).toBe(2);
    expect([table.text(3) >= (missing?.from ?? ''), table.text(7) < (missing?.to ?? '')]).toEqual([
      true,
      true,
    ]);
    expect(table.world.telemetry.logs.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('that become visible after they were counted are found by the next count, and said once', async () => {
    const table = await landed();
    await table.runAfter(HOUR_MS);
    table.put(101, 3);
    await table.runAfter(HOUR_MS);
    expect(table.missing).toBe(1);
    for (let id = 21; id <= 30; id++) table.put(id, 7_500 + id);
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    expect(table.missing).toBe(1);
    expect((await table.count())?.missing?.rows).toBe(1);
  });

  test('that were deleted are no alarm, and hide none that come later', async () => {
    const table = await landed();
    table.world.rows.delete(4);
    table.world.rows.delete(5);
    await table.runAfter(HOUR_MS);
    const { known = 0, found = 0, missing } = (await table.count())?.last ?? {};
    expect([known - found, missing]).toEqual([2, 0]);
    table.put(101, 3);
    await table.runAfter(HOUR_MS);
    expect(table.missing).toBe(1);
  });

  test('at rest are counted until none can be late, and then nothing is written any more', async () => {
    const table = await landed();
    for (let run = 0; run < 4; run++) await table.runAfter(HOUR_MS);
    const { version } = await table.world.ledger.read(table.world.lane);
    for (let run = 0; run < 4; run++) await table.runAfter(HOUR_MS);
    expect((await table.world.ledger.read(table.world.lane)).version).toBe(version);
  });

  test('are missing no more once a backfill has read them', async () => {
    const table = await landed();
    table.put(101, 3);
    await table.runAfter(HOUR_MS);
    const missing = (await table.count())?.missing;
    const findings = (): number => table.world.telemetry.total('CriticalFindings', 'orders');
    const before = findings();
    expect(before).toBeGreaterThan(0);
    for (let run = 1; run <= 3; run++) await table.runAfter(60_000);
    expect(findings()).toBe(before + 3);
    await table.world.noteBackfill('done', { from: missing?.from ?? '', to: missing?.to ?? '' });
    for (let run = 1; run <= 3; run++) await table.runAfter(60_000);
    expect(findings()).toBe(before + 3);
    for (let id = 21; id <= 30; id++) table.put(id, 7_500 + id);
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    expect((await table.count())?.last?.missing).toBe(0);
    expect((await table.count())?.missing).toBeUndefined();
  });

  test('of another range that was backfilled stay missing', async () => {
    const table = await landed();
    table.put(101, 3);
    await table.runAfter(HOUR_MS);
    const missing = (await table.count())?.missing;
    await table.world.noteBackfill('done', { from: table.text(4), to: missing?.to ?? '' });
    await table.runAfter(HOUR_MS);
    expect((await table.count())?.missing).toEqual(missing);
  });

  test('that a backfill has read before they were found to be missing stay missing', async () => {
    const table = await landed();
    table.put(101, 3);
    await table.world.noteBackfill('done', { from: table.text(0), to: table.text(100_000) });
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    expect((await table.count())?.missing?.rows).toBe(1);
  });

  test('are not counted where that is off, and counting begins anew when it is on again', async () => {
    const off = { ...settings, probe: false } as const;
    const table = await landed(off);
    table.put(101, 3);
    await table.runAfter(HOUR_MS);
    expect(await table.count()).toBeUndefined();
    table.world.deploy({ ...settings, changes: 'append' });
    for (let id = 21; id <= 30; id++) table.put(id, 3_000 + 50 * id);
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    table.put(31, 12_000);
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    expect((await table.count())?.last).toMatchObject({ missing: 0 });
    expect(table.missing).toBe(0);
  });

  test('that cannot be counted in time are given up and said, and the run goes on', async () => {
    const table = await landed();
    const count = table.world.table.count.bind(table.world.table);
    table.world.table.count = () => Promise.reject(timeout);
    table.put(21, 400);
    await table.runAfter(HOUR_MS);
    expect(table.world.versions()).toContain('v21');
    expect((await table.count())?.last?.problem).toBe('too slow');
    table.world.table.count = count;
    table.put(22, 4_100);
    await table.runAfter(HOUR_MS);
    await table.runAfter(HOUR_MS);
    expect((await table.count())?.last).toMatchObject({ missing: 0 });
    expect((await table.count())?.last?.problem).toBeUndefined();
  });

  test('are noted once, however many runs count them at the same time', async () => {
    const table = await landed();
    table.put(101, 3);
    table.world.clock.advance(HOUR_MS);
    await Promise.all(['a', 'b', 'c'].map((owner) => table.world.run({ owner })));
    expect((await table.count())?.missing?.rows).toBe(1);
    expect(table.missing).toBeGreaterThan(0);
  });
});

describe('rows that change', () => {
  test('are no alarm when they move out of the stretch, and those that were passed over are one all the same', async () => {
    const table = new Counted({ changes: 'upserts', incremental: { cursor: 'at' } });
    for (let id = 1; id <= 10; id++) table.put(id, id);
    await table.runAfter(0);
    for (let id = 1; id <= 4; id++) table.put(id, 300 + id);
    await table.runAfter(HOUR_MS);
    expect((await table.count())?.last).toMatchObject({ known: 10, found: 6, missing: 0 });
    table.put(101, 3);
    await table.runAfter(HOUR_MS);
    expect(table.missing).toBe(1);
  });
});

describe('an extract', () => {
  const extracts = { freshness: '1 hour', changes: 'append', rowsPerSplit: 10_000 } as const;

  test.each([3, 30])('of %d rows lands with the number that the database has counted', async (rows) => {
    const table = new Counted(extracts);
    for (let id = 1; id <= rows; id++) table.put(id, id);
    await table.runAfter(0);
    const position = parseTablePosition(
      'orders',
      'extract',
      (await table.world.ledger.read(table.world.lane)).position,
    );
    expect(position?.counted).toEqual({ atMs: position?.startedAtMs, rows });
  });

  test('of which the database counts more rows than came does not land', async () => {
    const table = new Counted(extracts);
    for (let id = 1; id <= 30; id++) table.put(id, id);
    const read = table.world.table.read.bind(table.world.table);
    table.world.table.read = (request) =>
      read({ ...request, onCounted: (counted) => request.onCounted?.(counted + 1) });
    await expect(table.runAfter(0)).rejects.toMatchObject({ code: 'DB_COUNT_DIFFERS', disposition: 'retry' });
    expect(table.world.versions()).toEqual([]);
  });

  test('is not counted more often than it is asked for', async () => {
    const table = new Counted({ ...extracts, probe: { every: '6 hours' } });
    table.put(1, 1);
    let asked = 0;
    const read = table.world.table.read.bind(table.world.table);
    table.world.table.read = (request) => {
      if (request.onCounted !== undefined) asked++;
      return read(request);
    };
    for (let run = 0; run < 12; run++) await table.runAfter(HOUR_MS);
    expect(asked).toBe(2);
  });
});
