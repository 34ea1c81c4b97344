import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePosition } from '../../../shared/domain/pull-position.ts';
import type { Probe } from '../../../shared/pipeline/probe.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { MutatingApi, type ApiItem, type MutatingApiOptions } from '../../support/mutating-api.ts';
import { createPullWorld } from '../../support/pull-world.ts';
import { Rng } from '../../simulation/rng.ts';
import { Crash } from '../../simulation/scheduler.ts';

interface Schedule {
  readonly seed: number;
  readonly shape: Shape;
  readonly pageSize: number;
  readonly pagesPerCommit: number;
  readonly latenessSeconds: number;
  readonly startItems: number;
  readonly runs: number;
}

/** How the API lists, and what the source declares about it. */
interface Shape extends Pick<MutatingApiOptions, 'sort' | 'tokens'> {
  readonly order: 'ascending' | 'unknown' | 'full';
  /** Whether the range is read in windows. */
  readonly windows?: true;
}

const SHAPES: readonly Shape[] = [
  { order: 'ascending', sort: 'ts', tokens: 'positions' },
  { order: 'ascending', sort: 'ts', tokens: 'anchors' },
  { order: 'unknown', sort: 'ts', tokens: 'positions' },
  { order: 'unknown', sort: 'ts-descending', tokens: 'positions' },
  { order: 'unknown', sort: 'ts-descending', tokens: 'anchors' },
  { order: 'unknown', sort: 'id', tokens: 'positions' },
  { order: 'unknown', sort: 'id', tokens: 'anchors' },
  { order: 'ascending', sort: 'ts', tokens: 'positions', windows: true },
  { order: 'unknown', sort: 'id', tokens: 'positions', windows: true },
  { order: 'unknown', sort: 'ts-descending', tokens: 'anchors', windows: true },
  { order: 'full', sort: 'id', tokens: 'positions' },
  { order: 'full', sort: 'ts', tokens: 'anchors' },
];

const schedules = fc.record<Schedule>({
  seed: fc.nat(),
  shape: fc.constantFrom(...SHAPES),
  pageSize: fc.integer({ min: 1, max: 5 }),
  pagesPerCommit: fc.integer({ min: 1, max: 4 }),
  latenessSeconds: fc.constantFrom(0, 0, 2, 5),
  startItems: fc.integer({ min: 0, max: 30 }),
  runs: fc.integer({ min: 1, max: 8 }),
});

const CRASH_RATE = 0.02;
const versionOf = (raw: string): string => {
  const { id, version } = JSON.parse(raw) as ApiItem;
  return `${String(id)}/${String(version)}`;
};

async function play(schedule: Schedule) {
  const { shape, pageSize, pagesPerCommit } = schedule;
  const rng = new Rng(schedule.seed);
  const latenessMs = schedule.latenessSeconds * 1000;
  const incremental: HttpSourceInput['incremental'] = {
    cursor: 'ts',
    parameter: 'since',
    initialValue: '0',
    lookback: `${String(schedule.latenessSeconds)} seconds`,
    order: shape.order === 'full' ? 'unknown' : shape.order,
    ...(shape.windows === true && {
      // Before any item: the clock begins with the year, and items appear late.
      initialValue: String(Date.UTC(2026, 0, 1) - 60_000),
      endParameter: 'until',
      window: '2 minutes',
    }),
  };
  const source = declareHttp({ pagesPerCommit, ...(shape.order !== 'full' && { incremental }) });
  const world = createPullWorld([source]);
  const stepMs = shape.windows === true ? 45_000 : 1_000;
  const api = new MutatingApi({ rng, clock: world.clock, pageSize, latenessMs, stepMs, ...shape });
  for (let n = 0; n < schedule.startItems * 3; n++) api.change();

  let cursor = 0;
  const checkCursor = (): void => {
    const position = parsePosition('items', world.ledger.peek('pull/items').position);
    const now = Number(position.cursor ?? 0);
    expect(now, 'the cursor never goes back').toBeGreaterThanOrEqual(cursor);
    cursor = now;
  };
  const crashing: Probe = () => {
    checkCursor();
    if (rng.chance(CRASH_RATE)) throw new Crash('crashed');
  };
  const survive = async (): Promise<void> => {
    try {
      await world.run(source, api, { probe: crashing });
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    }
  };
  for (let n = 0; n < schedule.runs; n++) {
    for (let k = rng.int(6); k > 0; k--) api.change();
    // Schedules fire twice now and then.
    await Promise.all(rng.chance(0.25) ? [survive(), survive()] : [survive()]);
  }
  api.isChanging = false;
  // A window ends now, exclusively.
  world.clock.advance(1_000);
  for (let n = 0; n < 3; n++) await world.run(source, api);
  const { commits } = await world.run(source, api);
  checkCursor();
  return { api, world, commitsOfIdleRun: commits };
}

describe('pulls of an API that changes between any two requests', () => {
  test('lose nothing, land nothing twice, and an idle run commits nothing', async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const { api, world, commitsOfIdleRun } = await play(schedule);
        const landed = world.rows('raw').map(({ raw }) => versionOf(raw));
        const quarantined = world.rows('quarantine').map(({ raw }) => versionOf(raw));
        expect(new Set(landed).size, 'no version lands twice').toBe(landed.length);
        expect(new Set(quarantined).size, 'no version is quarantined twice').toBe(quarantined.length);
        const found = new Set([...landed, ...quarantined]);
        const lost = api.items().filter((item) => !found.has(versionOf(JSON.stringify(item))));
        expect(lost, 'every visible item is in the lake or in quarantine').toEqual([]);
        expect(commitsOfIdleRun).toBe(0);
      }),
      { numRuns: Number(process.env.PULL_RUNS ?? 300) },
    );
  });
});
