import Table from 'cli-table3';
import { Command } from 'commander';
import { planDeployment } from '../../shared/config/plan/plan-deployment.ts';
import { lanesThatServe } from '../../shared/config/plan/lanes.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { settledWithinMs } from '../../shared/config/watch-settings-of.ts';
import type { LaneActivity } from '../../shared/domain/cost/lane-activity.ts';
import { budgetsText, type BudgetDeps } from '../budgets.ts';
import { groupQuarantine, type QuarantineGroup } from '../dlq/list-dead-letters.ts';
import { parseSelection, requireSource } from '../dlq/selection.ts';
import type { ActivityDeps } from '../open-activity.ts';
import type { AlarmState, PullDeps } from '../open-pull.ts';
import type { ReplayDeps } from '../open-replay.ts';
import { planTable } from '../plan/plan-text.ts';
import { CommandError } from '../terminal.ts';
import { toSince } from '../to-since.ts';
import { readOverviews } from './read-overviews.ts';
import type { SourceOverview } from './source-overview.ts';
import { hoursText, toAge } from './status-command.ts';

interface InspectOptions {
  readonly config: string;
  readonly since: number;
  readonly json?: true;
}

/** What was asked for, or why it cannot be said. */
type Answer<Value> = { readonly value: Value } | { readonly problem: string };

const DAY_MS = 86_400_000;

type InspectDeps = PullDeps & BudgetDeps & ActivityDeps & ReplayDeps;

/** `headgate inspect`: everything that is known of one source. What cannot be read is said, and the rest is shown. */
export function createInspectCommand(deps: InspectDeps, configFile: string): Command {
  const { terminal, clock, loadConfig } = deps;

  async function inspect(name: string, options: InspectOptions): Promise<void> {
    const config = await loadConfig(options.config);
    requireSource(config, name, 'source');
    const [overview, activity, alarms, deadLetters] = await Promise.all([
      attempt(async () => (await readOverviews(deps, config, [name], options.since))[0]),
      attempt(() => readActivity(config, name, options.since)),
      attempt(() => readAlarms(config, name)),
      attempt(() => readDeadLetters(config, name)),
    ]);
    const plan = planDeployment(config).sources.filter(({ source }) => source === name);
    if (options.json) {
      const [planned] = plan;
      terminal.out(JSON.stringify({ source: name, plan: planned, overview, activity, alarms, deadLetters }));
    } else {
      const source = config.sources[name];
      const within = source === undefined ? '' : toAge(settledWithinMs(source));
      terminal.out(
        [
          section('Plan', planTable(plan)),
          section(
            'State',
            said(overview, (value) => (value === undefined ? 'unknown' : stateText(value))),
          ),
          section(
            `Records of the last ${toAge(options.since)} (missing from ${within} after their hour on)`,
            said(overview, (value) => hoursText(value?.hours ?? [])),
          ),
          section(`Functions in the last ${toAge(options.since)}`, said(activity, activityText)),
          section('Quarantine', said(deadLetters, deadLettersText)),
          section('Alarms', said(alarms, alarmsText)),
        ].join('\n\n'),
      );
    }
    if ('problem' in overview)
      throw new CommandError(`the state of ${name} is not known: ${overview.problem}`);
    const health = overview.value?.health;
    if (health === 'error' || health === 'paused') throw new CommandError(`not well: ${name} (${health})`);
  }

  async function readActivity(
    config: HeadgateConfig,
    name: string,
    sinceMs: number,
  ): Promise<readonly LaneActivity[]> {
    const source = config.sources[name];
    const { activity, close } = await deps.openActivity(config);
    try {
      const lanes = source === undefined ? [] : lanesThatServe(source);
      const nowMs = clock.nowMs();
      return await activity.read([{ source: name, lanes }], { fromMs: nowMs - sinceMs, toMs: nowMs });
    } finally {
      close();
    }
  }

  async function readAlarms(config: HeadgateConfig, name: string): Promise<readonly AlarmState[]> {
    const deployment = await deps.openPull(config);
    try {
      return await deployment.alarmsOf(name);
    } finally {
      deployment.close();
    }
  }

  async function readDeadLetters(config: HeadgateConfig, name: string): Promise<readonly QuarantineGroup[]> {
    const lake = await deps.openReplay(config);
    try {
      const everything = parseSelection({ source: name }, config, clock.nowMs());
      return await groupQuarantine(lake, everything);
    } finally {
      await lake.close();
    }
  }

  return new Command('inspect')
    .description(
      'Show everything that is known of one source: plan, position, records, latency, cost, alarms',
    )
    .argument('<source>', 'name of the source')
    .option('--since <time>', 'how far to look back, such as "24 hours" or "7 days"', toSince, DAY_MS)
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate inspect orders --since "2 days"')
    .action(inspect);
}

async function attempt<Value>(read: () => Promise<Value>): Promise<Answer<Value>> {
  try {
    return { value: await read() };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

const section = (title: string, text: string): string => `${title}\n${text}`;

const said = <Value>(answer: Answer<Value>, toText: (value: Value) => string): string =>
  'problem' in answer ? `This cannot be read: ${answer.problem}` : toText(answer.value);

function stateText(overview: SourceOverview): string {
  const { health, type, lane, checkpoint, polling, ageMs, failures, lastRun, watchedAt, budget } = overview;
  const facts: (readonly [string, string | undefined])[] = [
    ['health', health],
    ['type', `${type}, by ${lane}`],
    ['checkpoint', checkpoint],
    ['read', polling],
    [
      'last run',
      lastRun &&
        `${toAge(ageMs ?? 0)} ago: ${String(lastRun.landed)} landed, ${String(lastRun.duplicates)} duplicates`,
    ],
    ['failures in a row', failures === undefined ? undefined : String(failures)],
    ['watched', watchedAt ?? 'not yet'],
  ];
  const lines = facts.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name}: ${value}`]));
  const budgets = budget === undefined ? [] : [budgetsText([budget])];
  return [...lines, ...budgets, ...overview.notes.map((note) => `  ! ${note}`)].join('\n');
}

function activityText(lanes: readonly LaneActivity[]): string {
  if (lanes.length === 0) return 'They did nothing for this source.';
  const table = newTable(['function', 'landed', 'errors', 'retries', 'p50', 'p99', 'CPU s', '$']);
  for (const { lane, counters, latency, cpuMs, estimatedUsd } of lanes)
    table.push([
      lane,
      counters.RecordsLanded ?? 0,
      counters.Errors ?? 0,
      counters.Retries ?? 0,
      latency === undefined ? '–' : `${(latency.p50Ms / 1000).toFixed(1)} s`,
      latency === undefined ? '–' : `${(latency.p99Ms / 1000).toFixed(1)} s`,
      cpuMs === undefined ? '–' : (cpuMs / 1000).toFixed(1),
      estimatedUsd.toPrecision(3),
    ]);
  return table.toString();
}

function deadLettersText(groups: readonly QuarantineGroup[]): string {
  const open = groups.filter((group) => group.open > 0);
  if (open.length === 0) return 'No record is in quarantine.';
  const table = newTable(['reason', 'open', 'oldest', 'newest', 'next']);
  for (const { reason, open: rows, oldest, newest, next } of open)
    table.push([reason, rows, oldest, newest, next]);
  return table.toString();
}

function alarmsText(alarms: readonly AlarmState[]): string {
  if (alarms.length === 0) return 'There are none.';
  const table = newTable(['alarm', 'state', 'since', 'why']);
  for (const { name, state, since, reason } of alarms) table.push([name, state, since ?? '–', reason]);
  return table.toString();
}

function newTable(head: string[]): InstanceType<typeof Table> {
  return new Table({ head, style: { head: [], border: [] }, wordWrap: true });
}
