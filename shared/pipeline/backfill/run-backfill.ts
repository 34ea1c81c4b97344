import { pullLane } from '../../domain/pull-lane.ts';
import {
  backfillLane,
  backfillRun,
  formatBackfill,
  parseBackfill,
  parseWindow,
  windowLane,
  type Backfill,
  type WindowPosition,
} from '../../domain/backfill.ts';
import { HeadgateError, TransientError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import type { Source } from '../../domain/source.ts';
import type { Clock } from '../../ports/clock.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { BackfillWork, WorkQueue } from '../../ports/work-queue.ts';
import { slotsToWake, workInSlot, type FanOut, type TaskOutcome } from '../fan-out/fan-out.ts';
import { runLane, type LandDeps, type RunOptions } from '../land.ts';
import { probeNothing } from '../probe.ts';
import type { BackfillMode, BackfillPlan } from './backfill-mode.ts';

/*
 * Backfills. The command asks for one in the source's backfill lane and sends a message; the function
 * plans it, and its windows are read by up to `parallel` invocations, in slots (see fan-out.ts). Windows have lanes of
 * their own, so the source's own runs go on beside them, and are told apart from them by the ledger alone.
 */

export interface BackfillDeps {
  readonly source: Pick<Source, 'name'>;
  readonly mode: BackfillMode;
  readonly queue: WorkQueue;
  readonly clock: Clock;
  /** The engine, and who runs until when. */
  readonly land: LandDeps;
  readonly options: RunOptions;
}

const PARALLEL_READS = 16;
/** A queue holds a message back for so long at most. */
const MAX_DELAY_SECONDS = 900;

/** The slots of a backfill. */
export function toFanOut(
  source: string,
  backfill: Backfill,
  { windows }: Pick<BackfillPlan, 'windows'>,
): FanOut {
  return {
    lane: backfillLane(source),
    run: backfillRun(backfill),
    slots: Math.min(backfill.parallel, windows),
    tasks: windows,
  };
}

/** Does what one message asks for: plans the backfill, reads the next window of a slot, or notes its end. */
export async function runBackfill(
  deps: BackfillDeps,
  { backfill: number, slot }: BackfillWork,
): Promise<void> {
  const { source, land, options } = deps;
  const backfill = await planned(deps, number);
  if (backfill?.plan === undefined) return;
  const fanOut = toFanOut(source.name, backfill, backfill.plan);
  if (slot === undefined) {
    const slots = await slotsToWake(land, fanOut);
    for (const each of slots) await send(deps, number, each);
    // Nothing is left to wake anybody for: the end may still have to be noted.
    if (slots.length === 0) await send(deps, number, 0);
    return;
  }
  const worker = { owner: options.owner, untilMs: options.deadlineMs };
  let resumeAtMs: number | undefined;
  const outcome = await workInSlot(land, fanOut, slot, worker, async (window) => {
    const { done, ...left } = await readWindow(deps, backfill, window);
    resumeAtMs = left.resumeAtMs;
    return done;
  });
  if (outcome === 'worked') await send(deps, number, slot, resumeAtMs);
  if (outcome === 'all-done') await noteEnd(deps, backfill);
}

async function send(
  deps: BackfillDeps,
  number: number,
  slot: number,
  notBeforeMs: number = deps.clock.nowMs(),
): Promise<void> {
  const waitSeconds = Math.ceil((notBeforeMs - deps.clock.nowMs()) / 1000);
  const delaySeconds = Math.min(MAX_DELAY_SECONDS, Math.max(0, waitSeconds));
  await deps.queue.send({ source: deps.source.name, task: 'backfill', backfill: number, slot }, delaySeconds);
  await (deps.land.probe ?? probeNothing)('F.4');
}

/** The backfill of this number with its plan; undefined when it has ended, or is being cancelled. */
async function planned(deps: BackfillDeps, number: number): Promise<Backfill | undefined> {
  const { source, land } = deps;
  const lane = backfillLane(source.name);
  for (;;) {
    const { position, version } = await land.ledger.read(lane);
    const backfill = parseBackfill(source.name, position);
    if (backfill?.number !== number) return undefined;
    if (backfill.status === 'running') return backfill;
    if (backfill.status !== 'asked') return undefined;
    const own = await land.ledger.read(pullLane(source.name));
    await writeBackfill(land, source.name, version, plan(deps, backfill, own.position));
    await (land.probe ?? probeNothing)('F.6');
  }
}

/** What a range that nobody may ask for has come to stands where whoever asked for it looks. */
function plan({ mode, clock }: BackfillDeps, backfill: Backfill, position: string | undefined): Backfill {
  try {
    return { ...backfill, status: 'running', plan: mode.plan(backfill.asked, position) };
  } catch (error) {
    if (!(error instanceof HeadgateError) || error.code !== 'BACKFILL_RANGE') throw error;
    return { ...backfill, status: 'refused', problem: error.message, endedAtMs: clock.nowMs() };
  }
}

/** Reads a window until it is done or time is up. */
async function readWindow(
  { source, mode, land, options }: BackfillDeps,
  backfill: Backfill,
  window: number,
): Promise<{ readonly done: TaskOutcome | undefined; readonly resumeAtMs?: number | undefined }> {
  const { plan, number, asked } = backfill;
  if (plan === undefined) throw new Error('a backfill without a plan has no windows');
  const lane = windowLane(source.name, number, window);
  const range = { from: plan.from, step: asked.step };
  const reader = mode.openReader({
    lane,
    from: mode.windowStart(range, window),
    until: window + 1 >= plan.windows ? plan.to : mode.windowStart(range, window + 1),
  });
  const { finished } = await runLane(land, reader, options);
  const state = await land.ledger.read(lane);
  reader.observe(state);
  const { status, landed, bytes } = parseWindow(lane, state.position);
  // A cancelled window is none that is done: whoever cancels it ends the backfill.
  const done = finished && status === 'done' ? { rows: landed, bytes } : undefined;
  return { done, resumeAtMs: reader.resumeAtMs?.() };
}

/** All windows are done: says so, with what they have come to. */
async function noteEnd(deps: BackfillDeps, { number }: Backfill): Promise<void> {
  const { source, land, clock } = deps;
  for (;;) {
    const { position, version } = await land.ledger.read(backfillLane(source.name));
    const backfill = parseBackfill(source.name, position);
    if (backfill?.number !== number || backfill.status !== 'running' || backfill.plan === undefined) return;
    const windows = await readWindows(land.ledger, source.name, backfill);
    const open = windows.findIndex(({ status }) => status !== 'done');
    if (open >= 0) {
      throw new TransientError(
        'BACKFILL_NOT_DONE',
        `window ${String(open)} of backfill ${String(number)} of source ${source.name} is noted as done and is not`,
      );
    }
    const ended: Backfill = { ...backfill, status: 'done', endedAtMs: clock.nowMs(), totals: sum(windows) };
    await writeBackfill(land, source.name, version, ended);
  }
}

/** How far each window has been read. */
export async function readWindows(
  ledger: LedgerStore,
  source: string,
  { number, plan }: Backfill,
): Promise<readonly WindowPosition[]> {
  const positions: WindowPosition[] = [];
  const numbers = Array.from({ length: plan?.windows ?? 0 }, (_, i) => i);
  await forEachLimited(numbers, PARALLEL_READS, async (window) => {
    const lane = windowLane(source, number, window);
    positions[window] = parseWindow(lane, (await ledger.read(lane)).position);
  });
  return positions;
}

export function sum(windows: readonly WindowPosition[]): NonNullable<Backfill['totals']> {
  const of = (name: 'read' | 'landed' | 'bytes'): number =>
    windows.reduce((total, window) => total + window[name], 0);
  return { read: of('read'), landed: of('landed'), bytes: of('bytes') };
}

/** Writes how a backfill stands, unless somebody has since `version`: the caller reads again either way. */
export async function writeBackfill(
  { ledger, newToken }: Pick<LandDeps, 'ledger' | 'newToken'>,
  source: string,
  version: number,
  backfill: Backfill,
): Promise<boolean> {
  const commit = {
    from: `backfill ${String(backfill.number)}`,
    to: formatBackfill(backfill),
    records: 0,
    keys: 0,
  };
  return (await ledger.commit(backfillLane(source), version, commit, newToken())) === 'ok';
}
