import { backfillLane } from '../../shared/domain/backfill.ts';
import { pullLane } from '../../shared/domain/pull-lane.ts';
import Table from 'cli-table3';
import { Command } from 'commander';
import type { PullDeps } from '../open-pull.ts';
import { pulledSourcesOf, requirePulled } from '../pull/pulled-source.ts';
import { sourceStatus, type SourceStatus } from '../pull/source-status.ts';
import { CommandError } from '../terminal.ts';

interface StatusOptions {
  readonly config: string;
  readonly json?: true;
}

/** `headgate status`: how the sources are doing that are read on a schedule. */
export function createStatusCommand(
  { terminal, clock, loadConfig, openPull }: PullDeps,
  configFile: string,
): Command {
  async function status(name: string | undefined, options: StatusOptions): Promise<void> {
    const config = await loadConfig(options.config);
    const sources =
      name === undefined
        ? pulledSourcesOf(config)
        : [[name, requirePulled(config, name, options.config)] as const];
    if (sources.length === 0) {
      if (options.json) terminal.out('[]');
      else terminal.err(`${options.config} declares no source that is read on a schedule.`);
      return;
    }
    const { control, ledger, close } = await openPull(config);
    let found: SourceStatus[];
    try {
      found = await Promise.all(
        sources.map(async ([source, declared]) => {
          const [known, state, backfill] = await Promise.all([
            control.read(source),
            ledger.read(pullLane(source)),
            ledger.read(backfillLane(source)),
          ]);
          return sourceStatus(source, declared, { control: known, state, backfill }, clock.nowMs());
        }),
      );
    } finally {
      close();
    }
    terminal.out(options.json ? JSON.stringify(found) : toText(found));
    const bad = found.filter(({ health }) => health === 'error' || health === 'paused');
    if (bad.length > 0)
      throw new CommandError(
        `not well: ${bad.map(({ source, health }) => `${source} (${health})`).join(', ')}`,
      );
  }

  return new Command('status')
    .description(
      'Show how sources are doing that are read on a schedule; the exit code is 1 if one has stopped',
    )
    .argument('[source]', 'only this one')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate status invoices')
    .action(status);
}

function toText(found: readonly SourceStatus[]): string {
  const table = new Table({
    head: ['source', 'health', 'checkpoint', 'last run', 'landed', 'duplicates', 'quarantined', 'polling'],
    colAligns: ['left', 'left', 'left', 'left', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  table.push(
    ...found.map(({ source, health, checkpoint, ageMs, lastRun, polling }) => [
      source,
      health,
      checkpoint,
      ageMs === undefined ? 'never' : `${toAge(ageMs)} ago`,
      lastRun?.landed ?? 0,
      lastRun?.duplicates ?? 0,
      lastRun?.quarantined ?? 0,
      polling,
    ]),
  );
  const notes = found.flatMap(({ source, notes: all }) => all.map((note) => `${source}: ${note}`));
  return [table.toString(), ...notes].join('\n');
}

function toAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${String(seconds)} s`;
  if (seconds < 7_200) return `${String(Math.round(seconds / 60))} min`;
  return seconds < 172_800
    ? `${String(Math.round(seconds / 3_600))} h`
    : `${String(Math.round(seconds / 86_400))} days`;
}
