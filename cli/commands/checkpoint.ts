import { backfillLane, isOpen, parseBackfill } from '../../shared/domain/backfill.ts';
import { pullLane } from '../../shared/domain/pull-lane.ts';
import { Command } from 'commander';
import type { PulledSourceConfig } from '../../shared/config/schema.ts';
import type { LedgerState } from '../../shared/ports/ledger-store.ts';
import type { PullControl } from '../../shared/ports/pull-control.ts';
import type { OpenPull, PullDeps } from '../open-pull.ts';
import { consequences, fixedProblem, moveTo, readCheckpoint } from '../pull/checkpoints.ts';
import { requirePulled } from '../pull/pulled-source.ts';
import { CommandError, UsageError } from '../terminal.ts';

interface CheckpointOptions {
  readonly config: string;
  readonly yes?: true;
  readonly json?: true;
}

/** A run that began before the pause is over by then: functions end after 15 minutes. */
const LONGEST_RUN_MS = 15 * 60_000;

/** `headgate checkpoint`: how far a source has been read. */
export function createCheckpointCommand(
  { terminal, clock, loadConfig, openPull }: PullDeps,
  configFile: string,
): Command {
  async function withSource(
    name: string,
    options: CheckpointOptions,
    act: (deployment: OpenPull, source: PulledSourceConfig) => Promise<void>,
  ): Promise<void> {
    const config = await loadConfig(options.config);
    const source = requirePulled(config, name, options.config);
    const deployment = await openPull(config);
    try {
      await act(deployment, source);
    } finally {
      deployment.close();
    }
  }

  async function get(name: string, options: CheckpointOptions): Promise<void> {
    await withSource(name, options, async ({ ledger }, source) => {
      const state = await ledger.read(pullLane(name));
      const { summary, details } = readCheckpoint(name, source, state.position);
      if (options.json) {
        terminal.out(
          JSON.stringify({
            source: name,
            checkpoint: summary,
            position: state.position ?? null,
            commits: state.commits,
            pending: state.intent !== undefined,
          }),
        );
        return;
      }
      terminal.out(
        [
          `${name}: ${summary}`,
          ...details.map(([label, value]) => `  ${label}: ${value}`),
          `  commits: ${String(state.commits)}`,
          ...(state.intent === undefined ? [] : ['  a commit is in progress']),
        ].join('\n'),
      );
    });
  }

  /** @throws CommandError unless no run can be at work */
  function requirePaused(name: string, { paused }: PullControl): void {
    if (paused === undefined) {
      throw new CommandError(
        `${name} is not paused, and a run could be at work: pause it first with: headgate pause ${name}`,
      );
    }
    const leftMs = paused.sinceMs + LONGEST_RUN_MS - clock.nowMs();
    if (leftMs <= 0) return;
    throw new CommandError(
      `${name} was paused only a moment ago: a run that began before may be at work for ${String(Math.ceil(leftMs / 60_000))} more minutes; try again then`,
    );
  }

  /** Runs that went back would read rows that a backfill is about to land. */
  async function requireNoBackfill({ ledger }: OpenPull, name: string): Promise<void> {
    const backfill = parseBackfill(name, (await ledger.read(backfillLane(name))).position);
    if (backfill === undefined || !isOpen(backfill)) return;
    throw new CommandError(
      `backfill ${String(backfill.number)} of ${name} is on its way; wait for its end, or cancel it first with: headgate backfill ${name} --cancel`,
    );
  }

  async function move(name: string, cursor: string | undefined, options: CheckpointOptions): Promise<void> {
    await withSource(name, options, async (deployment, source) => {
      const problem = fixedProblem(name, source);
      if (problem !== undefined) throw new CommandError(problem);
      requirePaused(name, await deployment.control.read(name));
      await requireNoBackfill(deployment, name);
      // What was decided and has not landed would be lost: its records have claimed their keys.
      await deployment.perform({ source: name, task: 'settle' });
      const state = await deployment.ledger.read(pullLane(name));
      const { summary, cursor: from } = readCheckpointLeniently(name, source, state);
      const to = cursor === undefined ? undefined : { ...moveTo(name, source, from, cursor), to: cursor };
      const plan = consequences(source, from, to);
      if (!options.yes) {
        if (terminal.confirm === undefined)
          throw new UsageError('moving a checkpoint needs --yes where nobody can be asked');
        terminal.err([`${name} is at: ${summary}`, ...plan.map((line) => `- ${line}`)].join('\n'));
        if (!(await terminal.confirm(`Move the checkpoint of ${name} to ${cursor ?? 'its beginning'}?`)))
          throw new CommandError('nothing was changed');
      }
      const { ledger, newToken } = deployment;
      const result = await ledger.reposition(pullLane(name), state.version, to?.position, newToken());
      if (result === 'conflict')
        throw new CommandError(
          `somebody else has changed the checkpoint of ${name} meanwhile; look at it again`,
        );
      if (options.json) {
        terminal.out(
          JSON.stringify({
            source: name,
            from: state.position ?? null,
            to: to?.position ?? null,
            consequences: plan,
          }),
        );
        return;
      }
      terminal.out(`Moved the checkpoint of ${name} to ${cursor ?? 'its beginning'}.`);
      terminal.err(`Go on with: headgate resume ${name}`);
    });
  }

  const command = new Command('checkpoint').description('How far a source has been read');
  const add = (name: string, description: string, example: string): Command =>
    command
      .command(name)
      .description(description)
      .argument('<source>', 'name of a source that is read on a schedule')
      .option('--config <path>', 'configuration file', configFile)
      .option('--json', 'print JSON')
      .addHelpText('after', `\nExample:\n  $ headgate checkpoint ${example}`);
  add('get', 'Show how far a source has been read', 'get invoices').action(get);
  add(
    'set',
    'Have a paused source go on at a cursor value, that value included',
    'set invoices 2026-01-01T00:00:00Z',
  )
    .argument('<cursor>', 'value of the cursor, as the source writes it')
    .option('--yes', 'do not ask')
    .action(move);
  add('reset', 'Have a paused source begin anew', 'reset invoices')
    .option('--yes', 'do not ask')
    .action((name: string, options: CheckpointOptions) => move(name, undefined, options));
  return command;
}

/** A position of another declaration, which is what a reset is for. */
function readCheckpointLeniently(
  name: string,
  source: PulledSourceConfig,
  { position }: LedgerState,
): { readonly summary: string; readonly cursor: string | undefined } {
  try {
    return readCheckpoint(name, source, position);
  } catch (error) {
    return { summary: error instanceof Error ? error.message : String(error), cursor: undefined };
  }
}
