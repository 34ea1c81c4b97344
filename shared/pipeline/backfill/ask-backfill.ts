import {
  backfillLane,
  formatWindow,
  isOpen,
  windowStem,
  parseBackfill,
  parseWindow,
  windowLane,
  WINDOW_START,
  type Backfill,
} from '../../domain/backfill.ts';
import { RejectedError, TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import type { FanOutState } from '../../domain/fan-out.ts';
import { readStagedBatch, writeStagedBatch } from '../../domain/staged-batch.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { Clock } from '../../ports/clock.ts';
import { readFanOut, type FanOutDeps } from '../fan-out/fan-out.ts';
import { runLane, type LandDeps, type RunOptions } from '../land.ts';
import type { LaneReader } from '../lane.ts';
import { toLaneEntries } from '../staged-entries.ts';
import { readWindows, sum, toFanOut, writeBackfill } from './run-backfill.ts';

/** What a person asks for. */
export type BackfillRequest = Backfill['asked'] & { readonly parallel: number };

/** How a backfill stands. */
export interface BackfillState {
  readonly backfill: Backfill;
  /** What its windows have come to; undefined before it is planned. */
  readonly progress: FanOutState | undefined;
}

const PARALLEL_CANCELS = 8;

/** The latest backfill of a source; undefined if there never was one. */
export async function readBackfill(deps: FanOutDeps, source: string): Promise<BackfillState | undefined> {
  const { position } = await deps.ledger.read(backfillLane(source));
  const backfill = parseBackfill(source, position);
  if (backfill === undefined) return undefined;
  const { plan } = backfill;
  return { backfill, progress: plan && (await readFanOut(deps, toFanOut(source, backfill, plan))) };
}

/**
 * Asks for a backfill. One that asks for the same as the one that is on its way goes on with it: only one backfill of a
 * source is on its way at a time, so no two of them read the same rows beside each other.
 *
 * @throws RejectedError with code `BACKFILL_RUNNING` when another one is on its way
 */
export async function askBackfill(
  deps: Pick<LandDeps, 'ledger' | 'newToken'> & { readonly clock: Clock },
  source: string,
  { parallel, ...asked }: BackfillRequest,
): Promise<Backfill> {
  for (;;) {
    const { position, version } = await deps.ledger.read(backfillLane(source));
    const latest = parseBackfill(source, position);
    if (latest !== undefined && isOpen(latest)) {
      const isSame = JSON.stringify(sorted(latest.asked)) === JSON.stringify(sorted(asked));
      if (isSame && latest.status !== 'cancelling') return latest;
      const { from, to } = latest.asked;
      throw new RejectedError(
        'BACKFILL_RUNNING',
        `backfill ${String(latest.number)} of source ${source} (${from} to ${to}) is ${latest.status === 'cancelling' ? 'being cancelled' : 'on its way'}; ` +
          `wait for its end (npx headgate backfill ${source} --status), or cancel it (npx headgate backfill ${source} --cancel)`,
      );
    }
    const backfill: Backfill = {
      v: 1,
      number: (latest?.number ?? 0) + 1,
      status: 'asked',
      asked,
      parallel,
      startedAtMs: deps.clock.nowMs(),
    };
    if (await writeBackfill(deps, source, version, backfill)) return backfill;
  }
}

const sorted = ({ from, to, step }: Backfill['asked']): Backfill['asked'] => ({ from, to, step });

/** What cancelling needs. */
export interface CancelDeps extends LandDeps {
  readonly stage: BatchStage;
}

/**
 * Ends the backfill that is on its way. What has landed stays. Every window is closed by the ledger, so nothing of it
 * lands any more when this returns, whoever may still be reading: another backfill of the same range can begin.
 *
 * @returns the backfill as it is then; undefined when none is on its way
 */
export async function cancelBackfill(
  deps: CancelDeps,
  source: string,
  options: RunOptions,
): Promise<Backfill | undefined> {
  for (;;) {
    const { position, version } = await deps.ledger.read(backfillLane(source));
    const backfill = parseBackfill(source, position);
    if (backfill === undefined || !isOpen(backfill)) return undefined;
    if (backfill.status !== 'cancelling') {
      await writeBackfill(deps, source, version, { ...backfill, status: 'cancelling' });
      continue;
    }
    const windows = Array.from({ length: backfill.plan?.windows ?? 0 }, (_, i) => i);
    await forEachLimited(windows, PARALLEL_CANCELS, async (window) => {
      await closeWindow(deps, windowLane(source, backfill.number, window), options);
    });
    const totals = sum(await readWindows(deps.ledger, source, backfill));
    const ended: Backfill = { ...backfill, status: 'cancelled', endedAtMs: deps.clock.nowMs(), totals };
    if (await writeBackfill(deps, source, version, ended)) return ended;
  }
}

/**
 * Closes a window, after what was decided for it. A batch that a reader has staged may have claimed its keys: it lands
 * first, or its records would be duplicates of nothing for as long as the claims last. What the window's next batch is, is
 * decided once for all: by closing it here, or by a reader that was faster.
 */
async function closeWindow(deps: CancelDeps, lane: string, options: RunOptions): Promise<void> {
  const closing: LaneReader = {
    lane,
    read: async ({ position, commits }) => {
      const window = parseWindow(lane, position);
      if (window.status !== 'open') return undefined;
      const closed = writeStagedBatch({ to: formatWindow({ ...window, status: 'cancelled' }), parts: [] });
      const { to, parts } = readStagedBatch(await deps.stage.decide(lane, commits, closed));
      return {
        from: position ?? formatWindow(WINDOW_START),
        to,
        stem: windowStem(lane, commits),
        entries: toLaneEntries(deps.sources, parts),
      };
    },
  };
  const { finished } = await runLane(deps, closing, options);
  if (finished) return;
  throw new TransientError('BACKFILL_CANCEL_TIMEOUT', `lane ${lane} is being written; cancel again`);
}
