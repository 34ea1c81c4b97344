import { afterEach, describe, expect, test } from 'vitest';
import { createHttpPullSource } from '../../../shared/adapters/http/http-pull-source.ts';
import { createHttpSender } from '../../../shared/adapters/http/send-request.ts';
import { ManualClock } from '../../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryTokenStore } from '../../../shared/adapters/memory/memory-token-store.ts';
import { parseBackfill } from '../../../shared/domain/backfill.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import { askBackfill } from '../../../shared/pipeline/backfill/ask-backfill.ts';
import { createPullBackfill } from '../../../shared/pipeline/backfill/pull-backfill.ts';
import { runBackfill } from '../../../shared/pipeline/backfill/run-backfill.ts';
import { createClaimCache } from '../../../shared/pipeline/claim-keys.ts';
import type { Probe } from '../../../shared/pipeline/probe.ts';
import type { PullSource } from '../../../shared/ports/pull-source.ts';
import type { BackfillWork, PullWork } from '../../../shared/ports/work-queue.ts';
import { Rng } from '../../simulation/rng.ts';
import { Crash } from '../../simulation/scheduler.ts';
import { declareHttp } from '../../support/declare-http.ts';
import { landedLines } from '../../support/landed-lines.ts';
import { NastyApi, type NastyItem } from '../../support/nasty-api.ts';
import { createPullWorld } from '../../support/pull-world.ts';

/* Backfills over a real server that does everything wrong, of records whose claims are gone; the oracle is its table. */

const START_MS = Date.UTC(2025, 11, 31, 22);
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const ITEMS = 1_000;
const SLICE_MS = 120_000;

const sender = createHttpSender();
let api: NastyApi | undefined;
afterEach(async () => {
  sender.close();
  await api?.stop();
});

describe('a backfill of an API that does everything wrong', () => {
  test.each([{ endParameter: 'until' }, {}])(
    'lands what the runs did not, once, also after the claims on what they did are gone: %o',
    async (end) => {
      const clock = new ManualClock({ jump: true });
      const nasty = new NastyApi({
        seed: 5,
        items: ITEMS,
        pageSize: 8,
        badShare: 0.12,
        startMs: START_MS,
        clock,
      });
      api = nasty;
      await nasty.start();
      const source = declareHttp({
        url: `${nasty.origin}/items`,
        allowPrivateNetwork: true,
        recordsPath: 'data',
        paginator: { type: 'cursor', parameter: 'offset', path: 'next' },
        requestTimeout: '1 second',
        pagesPerCommit: 10,
        dedupeWindow: '1 day',
        incremental: {
          cursor: 'ts',
          parameter: 'since',
          // The runs begin in the middle of what there is.
          initialValue: String(START_MS + 3 * MINUTE_MS),
          order: 'ascending',
          ...end,
        },
      });
      const world = createPullWorld([source], clock);
      const rng = new Rng(13);
      const open = (): PullSource =>
        createHttpPullSource({
          source,
          // A request that is never answered must not hold the test up for its whole second.
          sender: { ...sender, send: (url, options) => sender.send(url, { ...options, timeoutMs: 60 }) },
          parameters: new MemoryParameterStore(),
          tokens: new MemoryTokenStore(),
          clock,
          telemetry: world.telemetry,
          random: () => rng.next(),
        });
      let crashes = 0;
      const probe: Probe = () => {
        if (!nasty.isNasty || !rng.chance(0.03)) return;
        crashes++;
        throw new Crash('crashed');
      };
      const survive = async (work: () => Promise<unknown>): Promise<boolean> => {
        try {
          await work();
          return true;
        } catch (error) {
          if (!(error instanceof Crash) && !(error instanceof TransientError)) throw error;
          return false;
        }
      };
      const run = () => survive(() => world.run(source, open(), { probe }));

      let messages: { readonly work: PullWork; readonly dueAtMs: number }[] = [];
      const queue = {
        send: (work: PullWork, delaySeconds = 0) => {
          messages.push({ work, dueAtMs: clock.nowMs() + delaySeconds * 1000 });
          return Promise.resolve();
        },
      };
      let invocations = 0;
      const invoke = async (work: BackfillWork): Promise<void> => {
        const deadlineMs = clock.nowMs() + SLICE_MS;
        const land = { ...world.deps, claimCache: createClaimCache(), probe };
        const own = { ...world, ...land, source, pages: open(), deadlineMs };
        const mode = createPullBackfill({
          ...own,
          landedKeys: landedLines(world.lake),
          lookUpUntilMs: Infinity,
        });
        const options = { owner: `backfill-${String(++invocations)}`, deadlineMs };
        await runBackfill({ ...own, mode, queue, land, options }, work);
      };
      const deliver = async (): Promise<void> => {
        const [next] = messages.sort((a, b) => a.dueAtMs - b.dueAtMs);
        if (next === undefined) return;
        messages = messages.filter((each) => each !== next);
        clock.advance(Math.max(0, next.dueAtMs - clock.nowMs()));
        const { work } = next;
        if (work.task !== 'backfill') throw new Error('nothing else is sent here');
        if (!(await survive(() => invoke(work)))) await queue.send(work, 150);
      };
      /** As the command does it, until it has ended. */
      const backfill = async (): Promise<void> => {
        const request = {
          from: String(START_MS),
          to: String(START_MS + DAY_MS),
          step: '3 minutes',
          parallel: 3,
        };
        const { number } = await askBackfill(world.deps, source.name, request);
        await queue.send({ source: source.name, task: 'backfill', backfill: number });
        for (let turns = 0; messages.length > 0; turns++) {
          if (turns > 2_000) throw new Error('it does not come to an end');
          // Windows beside each other, messages that come twice, and runs of the source in between.
          if (rng.chance(0.1) && messages[0] !== undefined) messages.push(messages[0]);
          await Promise.all(rng.chance(0.5) ? [deliver(), deliver()] : [deliver()]);
          if (rng.chance(0.1)) await run();
        }
        const latest = parseBackfill(source.name, world.ledger.peek('backfill/items').position);
        expect(latest).toMatchObject({ number, status: 'done' });
      };

      for (let runs = 0; runs < 6; runs++) await run();
      expect(world.rows('raw').length).toBeGreaterThan(ITEMS / 5);
      clock.advance(2 * DAY_MS);
      await backfill();
      clock.advance(2 * DAY_MS);
      nasty.isNasty = false;
      await backfill();
      for (let runs = 0; runs < 20 && (await world.run(source, open())).commits > 0; runs++);

      const versionOf = ({ id, version }: NastyItem): string => `${String(id)}/${String(version)}`;
      const landed = world.rows('raw').map(({ raw }) => versionOf(JSON.parse(raw) as NastyItem));
      expect(world.rows('quarantine')).toEqual([]);
      expect(new Set(landed).size, 'nothing lands twice').toBe(landed.length);
      const found = new Set(landed);
      const lost = nasty.items().filter((item) => !found.has(versionOf(item)));
      expect(lost, 'nothing is lost').toEqual([]);
      expect(crashes).toBeGreaterThan(0);
      expect(nasty.troubles.size, 'every kind of trouble was met').toBeGreaterThanOrEqual(10);
    },
  );
});
