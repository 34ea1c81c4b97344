import { afterEach, describe, expect, test } from 'vitest';
import { createHttpPullSource } from '../../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../../shared/adapters/http/send-request.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryTokenStore } from '../../../shared/adapters/memory/memory-token-store.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import type { Probe } from '../../../shared/pipeline/probe.ts';
import { Rng } from '../../simulation/rng.ts';
import { Crash } from '../../simulation/scheduler.ts';
import { declareHttp, type HttpSourceInput } from '../../support/declare-http.ts';
import { NastyApi, type NastyItem } from '../../support/nasty-api.ts';
import { createPullWorld } from '../../support/pull-world.ts';

/* The real reader, engine and HTTP over a real server that does everything wrong; the oracle is the server's own table. */

/** Two hours before the clock of the runs. */
const START_MS = Date.UTC(2025, 11, 31, 22);
const FINAL_RUNS = 50;

const sender = createHttpSender();
let api: NastyApi | undefined;
afterEach(async () => {
  sender.close();
  await api?.stop();
});

const INCREMENTAL = {
  cursor: 'ts',
  parameter: 'since',
  initialValue: String(START_MS),
} as const;

interface Case {
  readonly name: string;
  readonly items: number;
  readonly config: Partial<HttpSourceInput>;
}

const CASES: readonly Case[] = [
  { name: 'ascending', items: 8_000, config: { incremental: { ...INCREMENTAL, order: 'ascending' } } },
  {
    name: 'in windows',
    items: 3_000,
    config: {
      incremental: { ...INCREMENTAL, endParameter: 'until', window: '1 minute', order: 'ascending' },
    },
  },
  { name: 'in no known order', items: 700, config: { incremental: INCREMENTAL } },
];

describe('an API that does everything wrong', () => {
  let pages = 0;
  test.each(CASES)('$name: every record lands once', async ({ items, config }) => {
    const clock = new ManualClock({ jump: true });
    api = new NastyApi({ seed: 7, items, pageSize: 8, badShare: 0.12, startMs: START_MS, clock });
    await api.start();
    const source = declareHttp({
      url: `${api.origin}/items`,
      allowPrivateNetwork: true,
      recordsPath: 'data',
      paginator: { type: 'cursor', parameter: 'offset', path: 'next' },
      requestTimeout: '1 second',
      pagesPerCommit: 40,
      ...config,
    });
    const world = createPullWorld([source], clock);
    const { telemetry } = world;
    const rng = new Rng(11);
    const open = () =>
      createHttpPullSource({
        source,
        // A request that is never answered must not hold the test up for its whole second.
        sender: { ...sender, send: (url, options) => sender.send(url, { ...options, timeoutMs: 100 }) },
        parameters: new MemoryParameterStore(),
        tokens: new MemoryTokenStore(),
        clock,
        telemetry,
        random: () => rng.int(1000) / 1000,
      });
    let crashes = 0;
    const crashing: Probe = () => {
      if (!rng.chance(0.04)) return;
      crashes++;
      throw new Crash('crashed');
    };
    const nasty = api;
    const survive = async (): Promise<void> => {
      try {
        await world.run(source, open(), { probe: crashing });
      } catch (error) {
        if (!(error instanceof Crash) && !(error instanceof TransientError)) throw error;
      }
    };
    for (let runs = 0; runs < 12; runs++)
      await Promise.all(rng.chance(0.2) ? [survive(), survive()] : [survive()]);
    nasty.isNasty = false;
    // A window ends now, exclusively.
    clock.advance(1000);
    for (let runs = 0; runs < FINAL_RUNS && (await world.run(source, open())).commits > 0; runs++);

    const versionOf = ({ id, version }: NastyItem): string => `${String(id)}/${String(version)}`;
    const landed = world.rows('raw').map(({ raw }) => versionOf(JSON.parse(raw) as NastyItem));
    expect(world.rows('quarantine')).toEqual([]);
    expect(new Set(landed).size, 'nothing lands twice').toBe(landed.length);
    const found = new Set(landed);
    expect(
      nasty.items().filter((item) => !found.has(versionOf(item))),
      'nothing is lost',
    ).toEqual([]);
    pages += nasty.pages;
    expect(crashes).toBeGreaterThan(0);
    expect(nasty.troubles.size, 'every kind of trouble was met').toBeGreaterThanOrEqual(10);
  });

  test('that was thousands of pages', () => {
    expect(pages).toBeGreaterThan(2_500);
  });
});
