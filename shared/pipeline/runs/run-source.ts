import { slowestPollMs } from '../../config/plan/slowest-poll.ts';
import { toMs } from '../../config/units.ts';
import type { PulledSourceConfig } from '../../config/schema.ts';
import { HeadgateError } from '../../domain/errors.ts';
import { planPolling } from '../../domain/plan-polling.ts';
import { RateLimitedError } from '../../domain/rate-limited-error.ts';
import type { Source } from '../../domain/source.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { PollSchedule } from '../../ports/poll-schedule.ts';
import type { PullControlStore, PullRunSummary } from '../../ports/pull-control.ts';
import type { Telemetry } from '../../ports/telemetry.ts';
import type { PullWork, WorkQueue } from '../../ports/work-queue.ts';
import { runLane, type LandDeps, type RunOutcome } from '../land.ts';
import type { LaneReader } from '../lane.ts';
import { heedWake, type Wake } from './heed-wake.ts';
import { holdSource, problemOf, type HoldProblem, type SourceHold } from './hold-source.ts';
import { tallyTelemetry, type Tally } from './tally-telemetry.ts';
import { isWorthWriting, planAfterRun, type RunReport } from './plan-after-run.ts';
import type { SourceLimits } from './source-limits.ts';

export interface RunSourceDeps extends LandDeps {
  readonly control: PullControlStore;
  readonly queue: WorkQueue;
  readonly schedule: PollSchedule;
  readonly stage: BatchStage;
}

/** What a run reads a source with. */
export interface SourceReader extends LaneReader {
  /** Told what the ledger says when a run ends before the reader has nothing left. */
  observe?(state: LedgerState): void;
  /** Since when the lake may lack what the source has, in ms; undefined while nothing was read. */
  checkpointAgeMs?(): number | undefined;
  /** How long something at the source has held the reading back, in ms; undefined where nothing does. */
  sourceLagMs?(): number | undefined;
  /** What the run has met of the source's limits; absent where sources have none. */
  limits?(): SourceLimits;
  /** Whether the run has done work that the next one goes on from, although nothing was committed. */
  hasProgressed?(): boolean;
  /** Called once at the end of the run, whatever came of it: ends what the reader still has open, and waits for that. */
  close?(): Promise<void>;
}

/** One run of one source. */
export interface RunRequest {
  readonly source: Source<PulledSourceConfig>;
  /** Makes the reader of this run, which calls `stayHere` now and then where one of its steps takes minutes. */
  readonly open: (stayHere: SourceHold['check']) => SourceReader | Promise<SourceReader>;
  /** Who runs: the invocation's id. */
  readonly owner: string;
  /** When the run must be over, ms since the epoch. */
  readonly deadlineMs: number;
  /** What is known of the event that has asked for the run; undefined where a schedule or a person has. */
  readonly wake?: Wake | undefined;
}

/** What a run did, for people who start one by hand. */
export interface PullOutcome {
  readonly source: string;
  readonly commits: number;
  /** Whether the source was read to its end; otherwise the next run goes on. */
  readonly finished: boolean;
  /** Why nothing was read, or not all. */
  readonly left?: HoldProblem | 'failing';
}

const MAX_CONFLICTS = 10;

/**
 * Reads one source until there is nothing left or time is up, unless it is paused or another run is at it. A run that
 * got somewhere and did not get done is followed by another one at once. Whatever comes of it is noted, for `status`; a
 * source whose runs keep failing pauses itself, and one with `polling` is asked more or less often from then on.
 *
 * @throws what the run failed with, after it was noted
 */
export async function runSource(deps: RunSourceDeps, request: RunRequest): Promise<PullOutcome> {
  const { clock, telemetry } = deps;
  const { source, owner, wake } = request;
  const startedAtMs = clock.nowMs();
  if ((await deps.budgets?.look(source.name))?.isOver === true) telemetry.count('OverBudget', source.name, 1);
  const before = await deps.control.read(source.name);
  const problem =
    wake === undefined
      ? problemOf(before, owner, startedAtMs)
      : await heedWake({ ...deps, source: source.name, owner }, wake, before);
  if (problem !== undefined) {
    // Says so for as long as it lasts, which keeps the alarm up.
    if (before.paused?.by === 'failures') telemetry.count('SourcePaused', source.name, 1);
    telemetry.log('info', 'pull run left out', { source: source.name, why: problem });
    return { source: source.name, commits: 0, finished: false, left: problem };
  }
  const hold = holdSource({ ...deps, source: source.name, owner });
  const tally = tallyTelemetry(telemetry);
  let ran: Landed;
  try {
    ran = await land({ ...deps, telemetry: tally.telemetry }, request, hold);
  } catch (error) {
    telemetry.count('Errors', source.name, 1);
    await noteFailure(deps, request, { startedAtMs, ...countsOf(tally, source.name) }, error);
    throw error;
  }
  const { outcome, left, limits, hasProgressed } = ran;
  const { commits, finished } = outcome;
  const { wasWoken } = await note(deps, request, toSummary(deps, request, startedAtMs, outcome), {
    isRateLimited: limits?.isRateLimited === true,
    isInconclusive: !finished && !hasProgressed,
  });
  // Another run is at it, which may have listed what was there before.
  const isUnheard =
    left === 'busy' &&
    wake !== undefined &&
    (await heedWake({ ...deps, source: source.name, owner }, wake, await deps.control.read(source.name))) ===
      undefined;
  const goesOn = !finished && left === undefined && limits?.isHeld !== true && hasProgressed;
  if (goesOn || wasWoken || isUnheard) {
    await goOn(deps, {
      source: source.name,
      task: 'run',
      ...((wasWoken || isUnheard) && { woken: true }),
    });
  }
  telemetry.log('info', 'pull run ended', { source: source.name, commits, finished });
  return { source: source.name, commits, finished, ...(left && { left }) };
}

/**
 * Does a part of what several invocations do together, unless the source is paused: then what is left is asked for again
 * when it runs again. What fails is noted like a run that fails, what lands like a run.
 *
 * @param part is given the telemetry that its landing is counted by
 * @throws what the part failed with, after it was noted
 */
export async function runPart(
  deps: RunSourceDeps,
  request: Pick<RunRequest, 'source' | 'owner'>,
  part: (telemetry: Telemetry) => Promise<void>,
): Promise<void> {
  const { source } = request;
  const startedAtMs = deps.clock.nowMs();
  const before = await deps.control.read(source.name);
  if (before.paused !== undefined) {
    deps.telemetry.log('info', 'a part was left out: the source is paused', { source: source.name });
    return;
  }
  const tally = tallyTelemetry(deps.telemetry);
  try {
    await part(tally.telemetry);
  } catch (error) {
    deps.telemetry.count('Errors', source.name, 1);
    await noteFailure(deps, request, { startedAtMs, ...countsOf(tally, source.name) }, error);
    throw error;
  }
  const counts = countsOf(tally, source.name);
  // What failed now and then on the way is mended: only failures in a row pause a source.
  if (Object.values(counts).every((count) => count === 0) && before.failures === 0) return;
  const endedAtMs = deps.clock.nowMs();
  const summary = { startedAtMs, endedAtMs, ...counts, finished: true, error: undefined };
  await note(deps, request, summary, { isRateLimited: false, isInconclusive: false });
}

type Counts = Pick<PullRunSummary, 'landed' | 'duplicates' | 'quarantined'>;

/** What has landed so far, whatever comes after it. */
function countsOf(tally: Tally, source: string): Counts {
  return {
    landed: tally.total('RecordsLanded', source),
    duplicates: tally.total('RecordsDuplicate', source),
    quarantined: tally.total('RecordsQuarantined', source),
  };
}

function toSummary(
  { clock }: RunSourceDeps,
  { source }: Pick<RunRequest, 'source'>,
  startedAtMs: number,
  { counts, finished }: RunOutcome,
): PullRunSummary {
  const { landed = 0, duplicates = 0, quarantined = 0 } = counts.get(source.name) ?? {};
  return {
    startedAtMs,
    endedAtMs: clock.nowMs(),
    landed,
    duplicates,
    quarantined,
    finished,
    error: undefined,
  };
}

/** Lands what was decided before, and reads nothing. Also of a paused source: it is what a person asks for. */
export async function settleSource(deps: RunSourceDeps, request: RunRequest): Promise<PullOutcome> {
  const { source, owner, deadlineMs } = request;
  const reader = await request.open(() => Promise.resolve(undefined));
  // What is announced and not complete is withdrawn, which is done sooner than to go on with it.
  const staged: LaneReader = {
    lane: reader.lane,
    read: async (state, maxBytes) =>
      (await deps.stage.find(reader.lane, state.commits)) === undefined
        ? undefined
        : await reader.read(state, maxBytes),
  };
  try {
    const { commits, finished } = await runLane(deps, staged, { owner, deadlineMs });
    return { source: source.name, commits, finished };
  } finally {
    await close(deps, source, reader);
  }
}

interface Landed {
  readonly outcome: RunOutcome;
  readonly left: HoldProblem | undefined;
  readonly limits: SourceLimits | undefined;
  readonly hasProgressed: boolean;
}

async function land(
  deps: RunSourceDeps,
  { source, open, owner, deadlineMs }: RunRequest,
  hold: SourceHold,
): Promise<Landed> {
  let left: HoldProblem | undefined;
  const stayHere = async (): Promise<HoldProblem | undefined> => (left = await hold.check());
  const reader = await open(stayHere);
  const watched: LaneReader = {
    ...reader,
    read: async (state, maxBytes) =>
      (await stayHere()) === undefined ? await reader.read(state, maxBytes) : 'interrupted',
  };
  let outcome: RunOutcome;
  try {
    outcome = await runLane(deps, watched, { owner, deadlineMs });
  } finally {
    await close(deps, source, reader);
  }
  if (!outcome.finished) reader.observe?.(await deps.ledger.read(reader.lane));
  const ageMs = reader.checkpointAgeMs?.();
  if (ageMs !== undefined) deps.telemetry.record('CheckpointAge', source.name, ageMs);
  const lagMs = reader.sourceLagMs?.();
  if (lagMs !== undefined) deps.telemetry.record('SourceLag', source.name, lagMs);
  const hasProgressed = outcome.commits > 0 || reader.hasProgressed?.() === true;
  return { outcome, left, limits: reader.limits?.(), hasProgressed };
}

/** What has landed has landed, and what a run failed with is what matters, whatever comes of closing. */
async function close(
  deps: RunSourceDeps,
  { name }: Pick<Source, 'name'>,
  reader: SourceReader,
): Promise<void> {
  try {
    await reader.close?.();
  } catch (error) {
    deps.telemetry.log('warn', 'a reader could not be closed', { source: name, error: textOf(error) });
  }
}

/** Has another run come at once. Should that fail, the schedule brings it. */
async function goOn(deps: RunSourceDeps, work: PullWork): Promise<void> {
  try {
    await deps.queue.send(work);
  } catch (error) {
    deps.telemetry.log(
      'warn',
      'the run that goes on could not be asked for; the schedule brings the next one',
      {
        source: work.source,
        error: textOf(error),
      },
    );
  }
}

async function noteFailure(
  deps: RunSourceDeps,
  request: Pick<RunRequest, 'source' | 'owner'>,
  before: Counts & Pick<PullRunSummary, 'startedAtMs'>,
  error: unknown,
): Promise<void> {
  const code = error instanceof HeadgateError ? error.code : 'UNEXPECTED';
  const summary: PullRunSummary = {
    ...before,
    endedAtMs: deps.clock.nowMs(),
    finished: false,
    error: { code, message: textOf(error).slice(0, MAX_MESSAGE) },
    failedBy: request.owner,
  };
  await note(deps, request, summary, {
    // A budget of our own is no reason to ask less often.
    isRateLimited: error instanceof RateLimitedError && error.by === 'source',
    isInconclusive: false,
  });
}

/** Keeps the note of a failure small. */
const MAX_MESSAGE = 2_000;

/**
 * Notes what came of a run. Should that fail, the run is none the worse for it.
 *
 * @returns whether something new came to the source meanwhile, which the run may not have seen
 */
async function note(
  deps: RunSourceDeps,
  { source, owner }: Pick<RunRequest, 'source' | 'owner'>,
  summary: PullRunSummary,
  { isRateLimited, isInconclusive }: { readonly isRateLimited: boolean; readonly isInconclusive: boolean },
): Promise<{ readonly wasWoken: boolean }> {
  const { control, telemetry } = deps;
  try {
    let before = await control.read(source.name);
    const polling =
      summary.error === undefined || isRateLimited
        ? await poll(deps, source, summary, before.emptyRuns, isRateLimited)
        : undefined;
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const after = planAfterRun(before, source.config, { owner, summary, polling, isInconclusive });
      if (!isWorthWriting(before, after)) return { wasWoken: false };
      if ((await control.write(source.name, before.version, after, deps.newToken())) === 'conflict') {
        before = await control.read(source.name);
        continue;
      }
      const wasWoken = before.isWoken && !after.isWoken;
      if (before.paused !== undefined || after.paused === undefined) return { wasWoken };
      telemetry.count('SourcePaused', source.name, 1);
      telemetry.log('error', 'the source has paused itself; mend the cause, then resume it', {
        source: source.name,
        reason: after.paused.reason,
        next: `npx headgate resume ${source.name}`,
      });
      return { wasWoken };
    }
  } catch (error) {
    telemetry.log('warn', 'what came of the run could not be noted', {
      source: source.name,
      error: textOf(error),
    });
  }
  return { wasWoken: false };
}

/** Decides how often the source is asked from now on, and has its schedule say so. */
async function poll(
  { schedule, telemetry, budgets }: RunSourceDeps,
  { name, config }: Source<PulledSourceConfig>,
  { landed, quarantined, finished, error }: PullRunSummary,
  emptyRunsBefore: number,
  isRateLimited: boolean,
): Promise<RunReport['polling']> {
  const { polling } = config;
  if (polling === undefined) return undefined;
  try {
    const everyMinutes = await schedule.read(name);
    if (everyMinutes === undefined) return undefined;
    const found = landed + quarantined > 0;
    const plan = planPolling(
      {
        freshnessMs: slowestPollMs(config),
        floorMs: toMs(polling.floor),
        ceilingMs: polling.ceiling === undefined ? undefined : toMs(polling.ceiling),
      },
      {
        everyMinutes,
        found,
        hasBacklog: !finished && error === undefined,
        emptyRuns: found ? 0 : emptyRunsBefore + 1,
        isRateLimited,
        isOverBudget: budgets?.isOver(name) === true,
      },
    );
    if (plan.everyMinutes !== everyMinutes) {
      await schedule.set(name, plan.everyMinutes);
      telemetry.log('info', 'the schedule was adapted', { source: name, from: everyMinutes, ...plan });
    }
    return plan;
  } catch (failure) {
    telemetry.log('warn', 'the schedule could not be adapted; it stays as it is', {
      source: name,
      error: textOf(failure),
    });
    return undefined;
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
