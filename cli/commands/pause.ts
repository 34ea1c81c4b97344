import { Command } from 'commander';
import { backfillLane, isOpen, parseBackfill } from '../../shared/domain/backfill.ts';
import { changeControl } from '../pull/change-control.ts';
import { requirePulled } from '../pull/pulled-source.ts';
import type { OpenPull, PullDeps } from '../open-pull.ts';

interface PauseOptions {
  readonly config: string;
  readonly reason?: string;
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

  async function pause(source: string, options: PauseOptions): Promise<void> {
    await withSource(source, options, async ({ control, newToken }) => {
      const changed = await changeControl(control, source, newToken, (before) => {
        if (before.paused !== undefined) return undefined;
        const reason = options.reason ?? 'no reason was given';
        return { ...before, paused: { sinceMs: clock.nowMs(), by: 'operator', who, reason } };
      });
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

  async function resume(source: string, options: PauseOptions): Promise<void> {
    await withSource(source, options, async ({ control, ledger, newToken, start }) => {
      const { before: former } = await changeControl(control, source, newToken, (before) =>
        before.paused === undefined ? undefined : { ...before, paused: undefined, failures: 0 },
      );
      const wasPaused = former.paused !== undefined;
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
      .addHelpText('after', '\nExample:\n  $ headgate resume invoices')
      .action(resume),
  ];
}
