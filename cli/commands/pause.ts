import { Command } from 'commander';
import { CommandError, UsageError } from '../terminal.ts';
import { backfillLane, isOpen, parseBackfill } from '../../shared/domain/backfill.ts';
import { pullLane } from '../../shared/domain/pull-lane.ts';
import { reconciledOf } from '../../shared/domain/table-position.ts';
import { changeControl } from '../pull/change-control.ts';
import { requirePulled } from '../pull/pulled-source.ts';
import type { OpenPull, PullDeps } from '../open-pull.ts';

interface PauseOptions {
  readonly config: string;
  readonly reason?: string;
  readonly acceptDeletes?: true;
  readonly yes?: true;
  readonly json?: true;
}

/** `headgate pause` and `headgate resume`. */
export function createPauseCommands(deps: PullDeps, configFile: string): readonly Command[] {
  const { terminal, clock, loadConfig, openPull, who } = deps;

  async function withSource(
    source: string,
    options: PauseOptions,
    act: (deployment: OpenPull) => Promise<void>,
  ): Promise<void> {
    const config = await loadConfig(options.config);
    requirePulled(config, source, options.config);
    const deployment = await openPull(config);
    try {
      await act(deployment);
    } finally {
      deployment.close();
    }
  }

  /** Nobody need be told of a source that somebody has paused. Without it the pause holds all the same. */
  async function tellOfAlarms(deployment: OpenPull, source: string, isTelling: boolean): Promise<void> {
    try {
      await deployment.tellOfAlarms(source, isTelling);
    } catch (error) {
      const what = isTelling ? 'could not be switched on again, and tell nobody' : 'are not silenced';
      terminal.err(
        `The alarms of ${source} ${what}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async function pause(source: string, options: PauseOptions): Promise<void> {
    await withSource(source, options, async (deployment) => {
      const { control, newToken } = deployment;
      const changed = await changeControl(control, source, newToken, (before) => {
        if (before.paused !== undefined) return undefined;
        const reason = options.reason ?? 'no reason was given';
        return { ...before, paused: { sinceMs: clock.nowMs(), by: 'operator', who, reason } };
      });
      if (changed.after.paused?.by === 'operator') await tellOfAlarms(deployment, source, false);
      const { paused } = changed.after;
      const wasPaused = changed.before.paused !== undefined;
      const since = paused === undefined ? undefined : new Date(paused.sinceMs).toISOString();
      if (options.json) {
        terminal.out(JSON.stringify({ source, paused: { ...paused, since } }));
        return;
      }
      terminal.out(
        wasPaused
          ? `${source} has been paused since ${since ?? ''} by ${paused?.who ?? 'itself'}: ${paused?.reason ?? ''}`
          : `Paused ${source}.`,
      );
      if (wasPaused) return;
      terminal.err(
        `A run that is at work ends with its next batch, after 15 minutes at the latest. Go on with: headgate resume ${source}`,
      );
    });
  }

  /** Lets deletes land that were held back; the run that follows lands them. */
  async function accept(
    source: string,
    { yes }: PauseOptions,
    { control, ledger, perform }: Pick<OpenPull, 'control' | 'ledger' | 'perform'>,
  ): Promise<void> {
    const [{ paused }, { position }] = await Promise.all([
      control.read(source),
      ledger.read(pullLane(source)),
    ]);
    const inventory = reconciledOf(position)?.begun;
    if (inventory === undefined || paused === undefined)
      throw new CommandError(`${source} holds no deletes back; headgate status ${source} says how it stands`);
    if (yes !== true) {
      if (terminal.confirm === undefined)
        throw new UsageError('accepting deletes needs --yes where nobody can be asked');
      terminal.err(`${source} is paused: ${paused.reason}`);
      if (!(await terminal.confirm(`Mark all of these rows of ${source} as deleted?`)))
        throw new CommandError('nothing was changed');
    }
    await perform({ source, task: 'accept-deletes', inventory });
  }

  async function resume(source: string, options: PauseOptions): Promise<void> {
    await withSource(source, options, async (deployment) => {
      const { control, ledger, newToken, start, perform } = deployment;
      if (options.acceptDeletes) await accept(source, options, { control, ledger, perform });
      const { before: former } = await changeControl(control, source, newToken, (before) =>
        before.paused === undefined ? undefined : { ...before, paused: undefined, failures: 0 },
      );
      const wasPaused = former.paused !== undefined;
      await tellOfAlarms(deployment, source, true);
      if (wasPaused) {
        await start({ source, task: 'run' });
        const { position } = await ledger.read(backfillLane(source));
        const backfill = parseBackfill(source, position);
        // Its messages have come and gone while the source was paused.
        if (backfill !== undefined && isOpen(backfill))
          await start({ source, task: 'backfill', backfill: backfill.number });
      }
      if (options.json) terminal.out(JSON.stringify({ source, paused: null, started: wasPaused }));
      else if (wasPaused) {
        terminal.out(`Resumed ${source}; a run is starting.`);
        terminal.err(`See what comes of it with: headgate status ${source}`);
      } else terminal.out(`${source} is not paused.`);
    });
  }

  const create = (name: string, description: string): Command =>
    new Command(name)
      .description(description)
      .argument('<source>', 'name of a source that is read on a schedule')
      .option('--config <path>', 'configuration file', configFile)
      .option('--json', 'print JSON');
  return [
    create('pause', 'Stop reading a source; it goes on where it was when it is resumed')
      .option('--reason <text>', 'why, for whoever looks at its status')
      .addHelpText('after', '\nExample:\n  $ headgate pause invoices --reason "the API is being moved"')
      .action(pause),
    create('resume', 'Go on reading a source that was paused, or has paused itself')
      .option('--accept-deletes', 'let the deletes land that were held back (asks first)')
      .option('--yes', 'do not ask')
      .addHelpText(
        'after',
        '\nExamples:\n  $ headgate resume invoices\n  $ headgate resume orders --accept-deletes',
      )
      .action(resume),
  ];
}
