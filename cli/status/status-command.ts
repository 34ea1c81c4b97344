import Table from 'cli-table3';
import { Command } from 'commander';
import pc from 'picocolors';
import type { BudgetDeps } from '../budgets.ts';
import { requireSource } from '../dlq/selection.ts';
import type { PullDeps } from '../open-pull.ts';
import type { Health } from '../pull/source-status.ts';
import { CommandError, UsageError } from '../terminal.ts';
import { toSince } from '../to-since.ts';
import { readOverviews } from './read-overviews.ts';
import type { CountedHour } from './source-counts.ts';
import type { SourceOverview } from './source-overview.ts';

interface StatusOptions {
  readonly config: string;
  readonly since: number;
  readonly hours?: true;
  readonly json?: true;
}

const DAY_MS = 86_400_000;

/** `headgate status`: how the sources are doing, and whether anything is missing. */
export function createStatusCommand(deps: PullDeps & BudgetDeps, configFile: string): Command {
  const { terminal, loadConfig } = deps;

  async function status(name: string | undefined, options: StatusOptions): Promise<void> {
    const config = await loadConfig(options.config);
    if (options.hours && name === undefined)
      throw new UsageError('--hours shows one source: name it, such as: headgate status orders --hours');
    if (name !== undefined) requireSource(config, name, 'source');
    const names = name === undefined ? Object.keys(config.sources) : [name];
    const found = await readOverviews(deps, config, names, options.since);
    if (options.json) terminal.out(JSON.stringify(found));
    else if (found.length === 0) terminal.err(`${options.config} declares no source.`);
    else {
      terminal.out(toText(found));
      if (options.hours) terminal.out(hoursText(found[0]?.hours ?? []));
    }
    const bad = found.filter(({ health }) => health === 'error' || health === 'paused');
    if (bad.length > 0)
      throw new CommandError(
        `not well: ${bad.map(({ source, health }) => `${source} (${health})`).join(', ')}`,
      );
  }

  return new Command('status')
    .description('Show how sources are doing and whether records are missing; the exit code is 1 if so')
    .argument('[source]', 'only this one')
    .option('--since <time>', 'how far to look back, such as "24 hours" or "7 days"', toSince, DAY_MS)
    .option('--hours', 'of one source: what became of the records of each hour')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  $ headgate status\n  $ headgate status orders --hours --since "7 days"',
    )
    .action(status);
}

const COLOURS: Readonly<Record<Health, (text: string) => string>> = {
  ok: pc.green,
  warn: pc.yellow,
  error: pc.red,
  paused: pc.magenta,
};

function toText(found: readonly SourceOverview[]): string {
  const table = new Table({
    head: ['source', 'type', 'health', ...COUNT_HEADS, 'last run'],
    colAligns: ['left', 'left', 'left', ...COUNT_HEADS.map(() => 'right' as const), 'left'],
    style: { head: [], border: [] },
  });
  table.push(
    ...found.map(({ source, type, health, counts, lane, ageMs, checkpoint, polling }) => [
      source,
      type,
      COLOURS[health](health),
      ...countCells(counts),
      lane !== 'schedule'
        ? '–'
        : `${ageMs === undefined ? 'never' : `${toAge(ageMs)} ago`}, ${polling ?? ''}; ${checkpoint ?? ''}`,
    ]),
  );
  const notes = found.flatMap(({ source, notes: all }) => all.map((note) => `${source}: ${note}`));
  return [table.toString(), ...notes].join('\n');
}

const COUNT_HEADS = ['accepted', 'landed', 'duplicate', 'quarantined', 'discarded', 'in flight', 'missing'];

const countCells = (counts: SourceOverview['counts']): readonly string[] => [
  ...[counts.accepted, counts.landed, counts.duplicates, counts.quarantined, counts.discarded].map(grouped),
  grouped(counts.inFlight),
  counts.missing > 0 ? pc.red(grouped(counts.missing)) : '0',
];

const grouped = (value: number): string => value.toLocaleString('en-US');

/** What became of the records of each hour, as a table. */
export function hoursText(hours: readonly CountedHour[]): string {
  if (hours.length === 0) return 'No records were received.';
  const table = new Table({
    head: ['hour (UTC)', ...COUNT_HEADS],
    colAligns: ['left', ...COUNT_HEADS.map(() => 'right' as const)],
    style: { head: [], border: [] },
  });
  for (const hour of hours)
    table.push([`${hour.hour.slice(0, 13).replace('T', ' ')}:00`, ...countCells(hour)]);
  return table.toString();
}

/** An age, for people. */
export function toAge(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${String(seconds)} s`;
  if (seconds < 7_200) return `${String(Math.round(seconds / 60))} min`;
  return seconds < 172_800
    ? `${String(Math.round(seconds / 3_600))} h`
    : `${String(Math.round(seconds / 86_400))} days`;
}
