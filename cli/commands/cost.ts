import Table from 'cli-table3';
import { Command, Option } from 'commander';
import { lanesThatServe } from '../../shared/config/plan/lanes.ts';
import { planResources } from '../../shared/config/plan/plan-resources.ts';
import { standingUsage } from '../../shared/config/plan/standing-usage.ts';
import type { Period } from '../../shared/domain/cost/lane-activity.ts';
import { reportCost, type CostReport, type SourceCost } from '../../shared/domain/cost/report-cost.ts';
import { budgetsText, readBudgets, type BudgetDeps, type MonthBudget } from '../budgets.ts';
import type { ActivityDeps } from '../open-activity.ts';
import { pricesOf } from '../prices-of.ts';
import { UsageError } from '../terminal.ts';
import { toSince, USUAL_SINCE_MS } from '../to-since.ts';

interface CostOptions {
  readonly config: string;
  readonly since: number;
  readonly month?: true;
  readonly prices?: string;
  readonly json?: true;
}

/** What `headgate cost` works with. */
export type CostDeps = ActivityDeps & BudgetDeps;

/** `headgate cost`: what sources have cost, by who bills it. */
export function createCostCommand(deps: CostDeps, configFile: string): Command {
  const { terminal, clock, loadConfig, loadPrices, openActivity } = deps;

  async function cost(name: string | undefined, options: CostOptions): Promise<void> {
    const config = await loadConfig(options.config);
    const declared = Object.keys(config.sources);
    if (name !== undefined && !declared.includes(name)) {
      throw new UsageError(
        `source ${JSON.stringify(name)} is not declared in ${options.config}; there are: ${declared.join(', ') || 'none'}`,
      );
    }
    const prices = pricesOf(options, config, loadPrices);
    const period = toPeriod(options, clock.nowMs());
    const { activity, close } = await openActivity(config);
    let report: CostReport;
    try {
      // Of all sources, as they share what stands and waits.
      const lanes = Object.entries(planResources(config).config.sources).map(([source, settings]) => ({
        source,
        lanes: lanesThatServe(settings),
      }));
      report = reportCost(await activity.read(lanes, period), standingUsage(config), period, prices);
    } finally {
      close();
    }
    const shown = report.sources.filter(({ source }) => name === undefined || source === name);
    const budgets = (await readBudgets(config, deps)).filter(
      ({ source }) => name === undefined || source === name,
    );
    terminal.out(
      options.json
        ? JSON.stringify(toJson(report, shown, budgets))
        : [toText(report, shown, name === undefined), budgetsText(budgets)]
            .filter((part) => part !== '')
            .join('\n\n'),
    );
  }

  return new Command('cost')
    .description('Show what sources cost: what their functions used, and their part of what stands and waits')
    .argument('[source]', 'only this one')
    .option('--since <time>', 'how far to look back, such as "24 hours" or "7 days"', toSince, USUAL_SINCE_MS)
    .addOption(new Option('--month', 'since the first of this month (UTC)').conflicts('since'))
    .option('--prices <file>', 'JSON file of prices of another region or contract')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate cost --since "24 hours"')
    .action(cost);
}

function toPeriod({ since, month }: CostOptions, nowMs: number): Period {
  if (month === undefined) return { fromMs: nowMs - since, toMs: nowMs };
  const now = new Date(nowMs);
  return { fromMs: Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1), toMs: nowMs };
}

function toJson(
  report: CostReport,
  sources: readonly SourceCost[],
  budgets: readonly MonthBudget[],
): unknown {
  return {
    from: new Date(report.fromMs).toISOString(),
    to: new Date(report.toMs).toISOString(),
    usd: report.usd,
    usdPerMonth: report.usdPerMonth,
    sources,
    budgets,
  };
}

/** Columns of so many services; what else there is is one more. */
const MAX_SERVICES = 6;

function toText(report: CostReport, sources: readonly SourceCost[], hasTotal: boolean): string {
  const services = servicesOf(sources);
  const shown = services.slice(0, MAX_SERVICES);
  const hasOthers = services.length > shown.length;
  const table = new Table({
    head: ['source', ...shown, ...(hasOthers ? ['others'] : []), '$', '$/GB', '$/month', 'share'],
    colAligns: [
      'left',
      ...services.slice(0, MAX_SERVICES + 1).map(() => 'right' as const),
      'right',
      'right',
      'right',
      'right',
    ],
    style: { head: [], border: [] },
  });
  for (const cost of sources) {
    const usdOf = (service: string): number =>
      cost.services.find((each) => each.service === service)?.usd ?? 0;
    const known = shown.map(usdOf);
    table.push([
      cost.source,
      ...known.map(showUsd),
      ...(hasOthers ? [showUsd(cost.usd - known.reduce((sum, usd) => sum + usd, 0))] : []),
      showUsd(cost.usd),
      cost.usdPerGb === undefined ? '–' : showUsd(cost.usdPerGb),
      showUsd(cost.usdPerMonth),
      `${String(Math.round(cost.share * 100))} %`,
    ]);
  }
  const from = new Date(report.fromMs).toISOString().slice(0, 16).replace('T', ' ');
  const to = new Date(report.toMs).toISOString().slice(0, 16).replace('T', ' ');
  return [
    table.toString(),
    `${from} to ${to} UTC${hasTotal ? `: $${showUsd(report.usd)}, $${showUsd(report.usdPerMonth)} a month at this rate` : ''}.`,
    'List prices, without storage of the lake and queries; shards, metrics and alarms are divided by raw bytes.',
  ].join('\n');
}

function servicesOf(sources: readonly SourceCost[]): string[] {
  const sums = new Map<string, number>();
  for (const { services } of sources) {
    for (const { service, usd } of services) sums.set(service, (sums.get(service) ?? 0) + usd);
  }
  return [...sums].sort(([, a], [, b]) => b - a).map(([service]) => service);
}

/** Cents matter where there are dollars; below that three digits. */
function showUsd(usd: number): string {
  if (usd === 0) return '0';
  if (usd >= 1) return usd.toFixed(2);
  return usd < 0.000001 ? '<0.000001' : String(Number(usd.toPrecision(3)));
}
