import { randomUUID } from 'node:crypto';
import { Command, InvalidArgumentError } from 'commander';
import type { HeadgateConfig, PulledSourceConfig } from '../../shared/config/schema.ts';
import { isOpen, type Backfill } from '../../shared/domain/backfill.ts';
import {
  askBackfill,
  cancelBackfill,
  readBackfill,
  type BackfillState,
} from '../../shared/pipeline/backfill/ask-backfill.ts';
import { isReadAtOnce } from '../../shared/pipeline/backfill/plan-pull-backfill.ts';
import type { OpenPull, PullDeps } from '../open-pull.ts';
import type { ReplayDeps } from '../open-replay.ts';
import { requirePulled } from '../pull/pulled-source.ts';
import { CommandError, UsageError } from '../terminal.ts';

interface BackfillOptions {
  readonly config: string;
  readonly from?: string;
  readonly to?: string;
  readonly window: string;
  readonly parallel: number;
  readonly status?: true;
  readonly cancel?: true;
  readonly detach?: true;
  readonly json?: true;
  readonly yes?: true;
}

const POLL_MS = 2_000;
/** Work that failed comes again after a quarter of an hour at the latest; so does what waits for a limit of its source. */
const STALLED_MS = 20 * 60_000;
const MAX_PARALLEL = 100;

/** `headgate backfill`: a range of a source again, or what lies before its beginning. */
export function createBackfillCommand(deps: PullDeps & ReplayDeps, configFile: string): Command {
  const { terminal, clock, loadConfig, openPull, openReplay, progress } = deps;

  async function run(source: string, options: BackfillOptions): Promise<void> {
    const { from, to, status, cancel } = options;
    if (status !== undefined && cancel !== undefined)
      throw new UsageError('give either --status or --cancel');
    const isAsking = status === undefined && cancel === undefined;
    if (isAsking && (from === undefined || to === undefined))
      throw new UsageError(
        `--from and --to are required, such as: headgate backfill ${source} --from 2025-01-01 --to 2025-02-01`,
      );
    const config = await loadConfig(options.config);
    const note = noteOf(requireBackfillable(config, source, options.config));
    const deployment = await openPull(config);
    const state = (): Promise<BackfillState | undefined> =>
      readBackfill({ ...deployment, clock, configVersion: '' }, source);
    try {
      if (status !== undefined) report(source, options, await state());
      else if (cancel !== undefined) await cancelLatest(config, source, options, state);
      else {
        if (note !== undefined) terminal.err(note);
        await begin(deployment, source, { ...options, from: from ?? '', to: to ?? '' }, state);
      }
    } finally {
      progress.stop();
      deployment.close();
    }
  }

  async function begin(
    deployment: OpenPull,
    source: string,
    options: BackfillOptions & { readonly from: string; readonly to: string },
    state: () => Promise<BackfillState | undefined>,
  ): Promise<void> {
    const { from, to, window: step, parallel } = options;
    await confirm(
      options,
      `Read ${source} from ${from} to ${to} again, in windows of ${step}, ${String(parallel)} at a time, and land what the lake lacks?`,
    );
    const request = { from, to, step, parallel };
    const { number } = await askBackfill({ ...deployment, clock }, source, request);
    await deployment.start({ source, task: 'backfill', backfill: number });
    if (options.detach === undefined) await follow(source, number, state);
    const latest = await state();
    report(source, options, latest);
    if (latest?.backfill.status === 'refused')
      throw new CommandError(latest.backfill.problem ?? 'it was refused');
  }

  /** Until it has ended, or nobody goes on with it. Whoever stops looking does not stop it. */
  async function follow(
    source: string,
    number: number,
    state: () => Promise<BackfillState | undefined>,
  ): Promise<void> {
    let shown = '';
    let known = '';
    let movedAtMs = clock.nowMs();
    for (;;) {
      const latest = await state();
      if (latest?.backfill.number !== number || !isOpen(latest.backfill)) return;
      const { backfill, progress: done } = latest;
      const detail = toDetail(latest, clock.nowMs());
      if (detail !== shown) progress.update(done?.done.size ?? 0, backfill.plan?.windows ?? 0, detail);
      shown = detail;
      const at = `${backfill.status}/${String(done?.done.size)}/${String(done?.rows)}`;
      if (at !== known || (done?.active.size ?? 0) > 0) movedAtMs = clock.nowMs();
      known = at;
      if (clock.nowMs() - movedAtMs >= STALLED_MS) throw stalled(source, latest);
      await clock.sleep(POLL_MS);
    }
  }

  async function cancelLatest(
    config: HeadgateConfig,
    source: string,
    options: BackfillOptions,
    state: () => Promise<BackfillState | undefined>,
  ): Promise<void> {
    const before = await state();
    if (before === undefined || !isOpen(before.backfill))
      throw new CommandError(`no backfill of ${source} is on its way`);
    await confirm(
      options,
      `Cancel backfill ${String(before.backfill.number)} of ${source}? What has landed stays.`,
    );
    const { engine, close } = await openReplay(config);
    try {
      await cancelBackfill(engine, source, {
        owner: `operator ${randomUUID()}`,
        deadlineMs: Number.MAX_SAFE_INTEGER,
      });
    } finally {
      await close();
    }
    report(source, options, await state());
  }

  async function confirm({ yes }: BackfillOptions, question: string): Promise<void> {
    if (yes !== undefined) return;
    if (terminal.confirm === undefined)
      throw new UsageError('there is nobody to ask; give --yes to go on without being asked');
    if (!(await terminal.confirm(question))) throw new CommandError('nothing was done');
  }

  function report(source: string, { json }: BackfillOptions, state: BackfillState | undefined): void {
    if (json) terminal.out(JSON.stringify(state === undefined ? null : toJson(source, state)));
    else if (state === undefined) terminal.out(`${source} was never backfilled.`);
    else terminal.out(toText(source, state));
  }

  return new Command('backfill')
    .description('Read a range of a source again, apart from its runs, and land what the lake lacks')
    .argument('<source>', 'name of a database or HTTP source with `incremental`')
    .option('--from <value>', 'where it begins, inclusive: a value of the cursor')
    .option('--to <value>', 'where it ends, exclusive; at most where the runs have come to')
    .option(
      '--window <step>',
      'how much is read together: a duration, or a number where the cursor is one',
      '1 day',
    )
    .option('--parallel <n>', 'windows that are read at the same time', toParallel, 1)
    .option('--status', 'say how the latest backfill stands')
    .option('--cancel', 'end the backfill that is on its way')
    .option('--detach', 'do not wait for its end')
    .option('--yes', 'do not ask')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate backfill orders --from 2024-01-01 --to 2025-01-01 --window "7 days" --parallel 4\n  $ headgate backfill orders --status',
    )
    .action(run);
}

function stalled(source: string, { backfill: { number, asked } }: BackfillState): CommandError {
  return new CommandError(
    `nobody has gone on with backfill ${String(number)} of ${source} for ${String(STALLED_MS / 60_000)} minutes: either a ` +
      'limit of the source makes it wait, or its messages have failed too often and are in the dead-letter queue of the ' +
      "function's work. Look at the function's log, mend the cause, and have it go on by asking for the same again: " +
      `headgate backfill ${source} --from ${asked.from} --to ${asked.to} --window "${asked.step}". Nothing is lost.`,
  );
}

function toParallel(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_PARALLEL) return value;
  throw new InvalidArgumentError(`must be a whole number from 1 to ${String(MAX_PARALLEL)}`);
}

/** @throws CommandError with what is done instead */
function requireBackfillable(config: HeadgateConfig, name: string, file: string): PulledSourceConfig {
  const source = requirePulled(config, name, file);
  if (source.type !== 'files' && source.incremental !== undefined) return source;
  const instead =
    source.type === 'files'
      ? 'every run lands each object that has not landed'
      : 'it is not read incrementally, so every run reads all of it';
  throw new CommandError(
    `source ${name} cannot be backfilled: ${instead}; only sources of type postgres, mysql and http with \`incremental\` can be`,
  );
}

/** What to know about how an API is asked for a range. */
function noteOf(source: PulledSourceConfig): string | undefined {
  if (source.type !== 'http' || source.incremental?.endParameter !== undefined) return undefined;
  return isReadAtOnce(source)
    ? 'It has no incremental.endParameter and lists in no known order, so everything from --from on is read, in one window, and records at or beyond --to are left out.'
    : 'It has no incremental.endParameter: each window is read up to the first record beyond it, and records at or beyond --to are left out.';
}

/** What is left, by the windows that are done since the beginning. */
function toDetail({ backfill, progress }: BackfillState, nowMs: number): string {
  if (progress === undefined || backfill.plan === undefined) return 'waiting for the function to plan it';
  const done = progress.done.size;
  const left = backfill.plan.windows - done;
  const etaMs = done === 0 ? undefined : ((nowMs - backfill.startedAtMs) / done) * left;
  const eta = etaMs === undefined ? 'unknown' : formatMinutes(etaMs);
  return `windows, ${formatRows(progress.rows)} rows landed, ${formatMb(progress.bytes)}, time left: ${eta}`;
}

const formatRows = (rows: number): string => rows.toLocaleString('en-US');
const formatMb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
const formatMinutes = (ms: number): string =>
  ms < 60_000 ? 'less than a minute' : `about ${String(Math.ceil(ms / 60_000))} minutes`;

function toJson(source: string, { backfill, progress }: BackfillState): object {
  const { number, status, asked, parallel, plan, problem, startedAtMs, endedAtMs, totals } = backfill;
  return {
    source,
    number,
    status,
    ...(problem !== undefined && { problem }),
    asked,
    parallel,
    from: plan?.from,
    to: plan?.to,
    windows: { done: progress?.done.size ?? 0, total: plan?.windows },
    rows: totals?.landed ?? progress?.rows ?? 0,
    bytes: totals?.bytes ?? progress?.bytes ?? 0,
    rowsRead: totals?.read,
    startedAt: new Date(startedAtMs).toISOString(),
    endedAt: endedAtMs === undefined ? undefined : new Date(endedAtMs).toISOString(),
  };
}

const STATUS_WORDS: Readonly<Record<Backfill['status'], string>> = {
  asked: 'waits to be planned',
  running: 'is on its way',
  cancelling: 'is being cancelled',
  cancelled: 'was cancelled',
  done: 'is done',
  refused: 'was refused',
};

function toText(source: string, { backfill, progress }: BackfillState): string {
  const { number, status, asked, plan, totals, problem } = backfill;
  const lines = [
    `Backfill ${String(number)} of ${source}, ${plan?.from ?? asked.from} to ${plan?.to ?? asked.to}, ${STATUS_WORDS[status]}.`,
  ];
  if (problem !== undefined) lines.push(problem);
  if (plan !== undefined && progress !== undefined)
    lines.push(`${String(progress.done.size)} of ${String(plan.windows)} windows are done.`);
  if (totals !== undefined)
    lines.push(
      `${formatRows(totals.read)} rows were read, ${formatRows(totals.landed)} of them landed (${formatMb(totals.bytes)}); the others were in the lake.`,
    );
  else if (progress !== undefined)
    lines.push(`${formatRows(progress.rows)} rows have landed (${formatMb(progress.bytes)}).`);
  return lines.join('\n');
}
