import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBackfill } from '../../../shared/domain/backfill.ts';
import { RejectedError } from '../../../shared/domain/errors.ts';
import { askBackfill, cancelBackfill } from '../../../shared/pipeline/backfill/ask-backfill.ts';
import { createPullBackfill } from '../../../shared/pipeline/backfill/pull-backfill.ts';
import { runBackfill } from '../../../shared/pipeline/backfill/run-backfill.ts';
import { runLane } from '../../../shared/pipeline/land.ts';
import { createPullReader } from '../../../shared/pipeline/pull/create-pull-reader.ts';
import type { PullSource } from '../../../shared/ports/pull-source.ts';
import type { PullWork } from '../../../shared/ports/work-queue.ts';
import { Rng } from '../../simulation/rng.ts';
import { Crowd, type CrowdRates } from '../../support/crowd.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { landedLines } from '../../support/landed-lines.ts';
import { readLines } from '../../support/line-table-writer.ts';
import { MutatingApi, type ApiItem, type MutatingApiOptions } from '../../support/mutating-api.ts';

/*
 * The real readers, engine and fan-out over an API that changes between any two requests; processes die, fail and come
 * twice at every call of a store. The oracle is the API's own table.
 */

const TROUBLE: CrowdRates = { kill: 0.004, fail: 0.008 };
const CALM: CrowdRates = { kill: 0, fail: 0 };
const HOUR_MS = 3_600_000;
const START_MS = Date.UTC(2026, 0, 1);
/** Records come with the time of their change, or a little before it: the first ones too. */
const FIRST_MS = START_MS - HOUR_MS;
const HISTORY_HOURS = 60;
/** The runs of the source begin here; what is before it is only read by backfills. */
const INITIAL_MS = START_MS + 20 * HOUR_MS;

interface Shape extends Pick<MutatingApiOptions, 'sort' | 'tokens'> {
  readonly order: 'ascending' | 'unknown';
  /** Whether the API takes an end. */
  readonly hasEnd: boolean;
}

const SHAPES: readonly Shape[] = [
  { order: 'ascending', sort: 'ts', tokens: 'positions', hasEnd: true },
  { order: 'ascending', sort: 'ts', tokens: 'anchors', hasEnd: false },
  { order: 'unknown', sort: 'id', tokens: 'positions', hasEnd: true },
  { order: 'unknown', sort: 'ts-descending', tokens: 'anchors', hasEnd: true },
  { order: 'unknown', sort: 'ts', tokens: 'positions', hasEnd: false },
];

function createRun(seed: number, rates: CrowdRates, shape: Shape) {
  const crowd = new Crowd(seed, rates);
  const rng = new Rng(seed);
  const latenessSeconds = rng.pick([0, 0, 3]);
  const incremental: HttpSourceInput['incremental'] = {
    cursor: 'ts',
    parameter: 'since',
    initialValue: String(INITIAL_MS),
    lookback: `${String(latenessSeconds)} seconds`,
    order: shape.order,
    ...(shape.hasEnd && { endParameter: 'until' }),
  };
  const pagesPerCommit = 1 + rng.int(3);
  // Claims are gone before any backfill begins.
  const source = declareHttp({ incremental, pagesPerCommit, dedupeWindow: '1 hour' });
  const world = new ExtractWorld(crowd, source);
  const api = new MutatingApi({
    rng,
    clock: world.clock,
    pageSize: 2 + rng.int(5),
    latenessMs: latenessSeconds * 1000,
    ...shape,
  });
  const pages: PullSource = {
    async fetchPage(request) {
      await crowd.turn.before?.({ port: 'stage', operation: 'find', subject: 'the API' });
      return await api.fetchPage(request);
    },
  };
  const invoke = async (work: PullWork): Promise<void> => {
    const own = { ...world.invocation(), source, pages };
    if (work.task !== 'backfill') {
      await runLane(own.land, createPullReader(own), own.options);
      return;
    }
    const landedKeys = landedLines(world.lake, () => crowd.pause());
    await runBackfill(
      { ...own, mode: createPullBackfill({ ...own, landedKeys, lookUpUntilMs: Infinity }) },
      work,
    );
  };
  const fire = (): void => {
    crowd.start(
      () => invoke({ source: source.name }),
      () => undefined,
    );
  };
  /** Somebody at the command line, whom nothing befalls. */
  const operate = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    let result: { readonly value: Result } | { readonly error: unknown } | undefined;
    void work().then(
      (value) => (result = { value }),
      (error: unknown) => (result = { error }),
    );
    while (result === undefined) {
      await crowd.step();
      world.clock.advance(20);
      world.deliver(invoke);
    }
    if ('error' in result) throw result.error as Error;
    return result.value;
  };
  const ask = (fromMs: number, toMs: number, step = '15 hours'): Promise<void> =>
    operate(async () => {
      const request = { from: String(fromMs), to: String(toMs), step, parallel: 3 };
      const { number } = await askBackfill(world.land, source.name, request);
      await world.queue.send({ source: source.name, task: 'backfill', backfill: number });
    });
  const cancel = () =>
    operate(() =>
      cancelBackfill({ ...world.land, stage: world.stage }, source.name, {
        owner: 'operator',
        deadlineMs: Infinity,
      }),
    );
  const latest = () => parseBackfill(source.name, world.ledger.peek('backfill/items').position);
  const rows = (zone: 'raw' | 'quarantine'): string[] =>
    world.lake
      .list(`${zone}/`)
      .filter(({ kind }) => kind === 'data')
      .flatMap(({ bytes }) => readLines(bytes))
      .map(({ raw }) => versionOf(JSON.parse(raw) as ApiItem));
  /** A history, of which the source's runs have read the later part long ago. */
  const grow = async (): Promise<void> => {
    for (let hour = 0; hour < HISTORY_HOURS; hour++) {
      for (let n = 2 + crowd.draw(6); n > 0; n--) api.change();
      world.clock.advance(START_MS + (hour + 1) * HOUR_MS - world.clock.nowMs());
    }
    api.isChanging = false;
    fire();
    await world.settle(invoke);
    api.isChanging = true;
    world.clock.advance(3 * HOUR_MS);
  };
  return { crowd, world, api, invoke, fire, ask, cancel, latest, rows, grow };
}

const versionOf = ({ id, version }: ApiItem): string => `${String(id)}/${String(version)}`;

function expectOnce({ api, rows }: Pick<ReturnType<typeof createRun>, 'api' | 'rows'>): void {
  const landed = rows('raw');
  const quarantined = rows('quarantine');
  expect(new Set(landed).size, 'no version lands twice').toBe(landed.length);
  expect(new Set(quarantined).size, 'no version is quarantined twice').toBe(quarantined.length);
  const found = new Set([...landed, ...quarantined]);
  const lost = api.items().filter((item) => !found.has(versionOf(item)));
  expect(lost, 'every visible item is in the lake or in quarantine').toEqual([]);
}

const runs = fc.record({ seed: fc.nat(), shape: fc.constantFrom(...SHAPES) });

describe('a backfill of an API', () => {
  test('lands every record once, beside the runs and after their claims are gone, whoever dies, fails, comes twice, is cancelled or asked again', async () => {
    await fc.assert(
      fc.asyncProperty(runs, async ({ seed, shape }) => {
        const run = createRun(seed, CALM, shape);
        const { crowd, world, api, invoke, fire, ask, cancel, latest, grow } = run;
        await grow();
        crowd.rates = TROUBLE;
        for (let round = 0; round < 3; round++) {
          for (let n = crowd.draw(6); n > 0; n--) api.change();
          if (crowd.chance(0.7)) fire();
          await ask(FIRST_MS, INITIAL_MS + crowd.draw(60) * HOUR_MS).catch((error: unknown) => {
            expect(error).toBeInstanceOf(RejectedError);
          });
          for (let i = crowd.draw(500); i > 0 && (await crowd.step()); i--) {
            world.clock.advance(20);
            world.deliver(invoke);
            if (crowd.chance(0.01)) fire();
          }
          if (crowd.chance(0.3)) await cancel();
          if (crowd.chance(0.2)) world.loseMessages();
          if (crowd.chance(0.3)) world.clock.advance(2 * HOUR_MS);
        }
        crowd.rates = CALM;
        // A listing in no known order does not settle while every request changes it.
        api.isChanging = false;
        await world.settle(invoke);
        world.clock.advance(200_000);
        // A listing that was begun ends first, where it was meant to end.
        for (let n = 0; n < 3; n++) {
          fire();
          await world.settle(invoke);
        }
        await cancel();
        await ask(FIRST_MS, Date.UTC(2030, 0, 1));
        await world.settle(invoke);
        expect(latest()?.status).toBe('done');
        expectOnce(run);
      }),
      { numRuns: 40 },
    );
  });
});
