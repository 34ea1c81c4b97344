import type { SplitWork, WorkQueue } from '../../ports/work-queue.ts';
import { pullLane } from '../../domain/pull-lane.ts';
import { TransientError } from '../../domain/errors.ts';
import {
  isHeld,
  readFanOut,
  runAlone,
  slotsToWake,
  workInSlot,
  type FanOut,
  type TaskOutcome,
} from '../fan-out/fan-out.ts';
import { runLane, type LandDeps, type RunOptions } from '../land.ts';
import type { LaneReader } from '../lane.ts';
import { probeNothing } from '../probe.ts';
import { createExtractReader, splitTooLarge, type ExtractSteps } from '../table/create-extract-reader.ts';
import {
  findExtract,
  findSplit,
  findSplits,
  readSplit,
  splitCount,
  type ExtractPlan,
  type StagedSplit,
} from '../table/extract-stage.ts';
import { type TableReader, type TableReaderDeps } from '../table/table-reader.ts';

/*
 * A large extract, read by up to `tasksMax` invocations at the same time.
 *
 * A scheduled run that finds an extract due plans it and sends one message per slot. Each message stages one split (see
 * `extract-stage.ts`: whoever decides a split first wins) and sends the next one; the one that finds all staged lands
 * them, with one commit. Nothing is kept in messages: one that comes twice finds its slot taken or the split staged, and
 * one that was lost is sent again by the next run. A split that fails frees its slot and is repeated alone.
 */

export interface ExtractDeps extends TableReaderDeps {
  readonly queue: WorkQueue;
  /** The engine, and who runs until when. */
  readonly land: LandDeps;
  readonly options: RunOptions;
}

const fanOutLane = (source: string): string => `extract/${source}`;
const landingLease = ({ source }: ExtractDeps): string => `${fanOutLane(source.name)}/landing`;

function toFanOut({ source }: Pick<TableReaderDeps, 'source'>, plan: ExtractPlan): FanOut {
  return {
    lane: fanOutLane(source.name),
    run: `${String(plan.number)}@${String(plan.startedAtMs)}`,
    slots: source.config.tasksMax,
    tasks: splitCount(plan),
  };
}

/** Whether a source is read by several invocations at the same time. */
export function isReadInParallel({ config }: Pick<TableReaderDeps['source'], 'config'>): boolean {
  return config.tasksMax > 1 && config.incremental === undefined && config.changeLog === undefined;
}

/**
 * The reader of a scheduled run: plans an extract that is due, and wakes those that read it. A table of one split is read
 * here.
 */
export async function createParallelExtractReader(deps: ExtractDeps): Promise<TableReader> {
  const reader = createExtractReader(deps, { stageSplits: (plan) => stageOrWake(deps, plan) });
  // The engine settles a lane before it reads: that would copy the files of an extract beside somebody who does.
  return (await isHeld(deps.land, landingLease(deps))) ? { ...reader, ...LEFT_ALONE } : reader;
}

/** Of a run that has nothing to do: nothing stands in this lane. */
const LEFT_ALONE: LaneReader = { lane: 'extract', read: () => Promise.resolve('interrupted') };

async function stageOrWake(deps: ExtractDeps, plan: ExtractPlan): ReturnType<ExtractSteps['stageSplits']> {
  if (splitCount(plan) === 1) return await stageOnly(deps, plan);
  const fanOut = toFanOut(deps, plan);
  const { done } = await readFanOut(deps.land, fanOut);
  const slots = done.size >= fanOut.tasks ? [0] : await slotsToWake(deps.land, fanOut);
  for (const slot of slots) await send(deps, plan, slot);
  return 'interrupted';
}

/** Does what one message asks for. */
export async function runSplit(deps: ExtractDeps, { extract, slot }: SplitWork): Promise<void> {
  const plan = await findCurrent(deps, extract);
  if (plan === undefined) return;
  const worker = { owner: deps.options.owner, untilMs: deps.deadlineMs };
  const outcome = await workInSlot(deps.land, toFanOut(deps, plan), slot, worker, (split) =>
    stageSplit(deps, plan, split),
  );
  if (outcome === 'worked') await send(deps, plan, slot);
  if (outcome === 'all-done') await landAlone(deps, plan);
}

/** The extract that a message is about, unless it is in the lake or given up. */
async function findCurrent(deps: ExtractDeps, number: number): Promise<ExtractPlan | undefined> {
  const { source, land } = deps;
  const { plan } = await findExtract(deps, await land.ledger.read(pullLane(source.name)));
  return plan?.number === number ? plan : undefined;
}

async function send(deps: ExtractDeps, { number }: ExtractPlan, slot: number): Promise<void> {
  await deps.queue.send({ source: deps.source.name, task: 'split', extract: number, slot });
  await (deps.land.probe ?? probeNothing)('F.4');
}

async function stageSplit(deps: ExtractDeps, plan: ExtractPlan, split: number): Promise<TaskOutcome> {
  const staged = (await findSplit(deps, plan, split)) ?? (await readSplit(deps, plan, split, false));
  // A message has all of an invocation's time for one split: without a smaller one it would come to the same end again.
  if (staged === undefined) throw splitTooLarge(deps, split);
  await (deps.land.probe ?? probeNothing)('F.6');
  return { rows: staged.rows, bytes: staged.bytes };
}

async function stageOnly(deps: ExtractDeps, plan: ExtractPlan): ReturnType<ExtractSteps['stageSplits']> {
  const staged = (await findSplit(deps, plan, 0)) ?? (await readSplit(deps, plan, 0, true));
  if (staged === undefined) throw splitTooLarge(deps, 0);
  return 'attempt' in staged ? [staged] : staged;
}

/**
 * Lands what is staged, with nobody beside: it takes minutes, and the work of a second one would be for nothing. Whoever
 * finds somebody at it leaves it to that one, whose message comes again should it die. What is more than one invocation
 * can copy is gone on with by the next one.
 */
async function landAlone(deps: ExtractDeps, plan: ExtractPlan): Promise<void> {
  const { source, telemetry, land, options } = deps;
  const worker = { owner: options.owner, untilMs: deps.deadlineMs };
  const outcome = await runAlone(land, landingLease(deps), worker, async () => {
    const reader = createExtractReader(deps, {
      only: plan.number,
      stageSplits: (begun) => requireSplits(deps, begun),
    });
    const { finished } = await runLane(land, reader, options);
    if (!finished) reader.observe(await land.ledger.read(reader.lane));
    const ageMs = reader.checkpointAgeMs();
    if (ageMs !== undefined) telemetry.record('CheckpointAge', source.name, ageMs);
    return { finished, hasProgressed: reader.hasProgressed() };
  });
  if (outcome === undefined || outcome.finished) return;
  if (!outcome.hasProgressed) {
    throw new TransientError(
      'EXTRACT_NOT_LANDED',
      `the extract of ${source.name} has no time left to land; it is tried again`,
    );
  }
  await send(deps, plan, 0);
}

/** All splits of an extract, each of which is staged. */
async function requireSplits(deps: ExtractDeps, plan: ExtractPlan): Promise<readonly StagedSplit[]> {
  const splits = await findSplits(deps, plan);
  if (!('missing' in splits)) return splits;
  throw new TransientError(
    'SPLIT_NOT_STAGED',
    `range ${String(splits.missing)} of extract ${String(plan.number)} of source ${deps.source.name} is not staged (any more); two days after its beginning the extract is begun anew`,
  );
}
