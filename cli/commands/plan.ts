import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { diffPlans, readPlanTexts, toDeployedPlan } from '../../shared/config/plan/deployed-plan.ts';
import { planDeployment, type DeploymentPlan } from '../../shared/config/plan/plan-deployment.ts';
import type { SourcePlan } from '../../shared/config/plan/source-plan.ts';
import { applyWhatIf, WHAT_IF_KEYS, WhatIfError } from '../../shared/config/plan/what-if.ts';
import type { PriceTable } from '../../shared/domain/cost/prices.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { Period } from '../../shared/domain/cost/lane-activity.ts';
import { HeadgateError } from '../../shared/domain/errors.ts';
import { toChange, toUsd } from '../../shared/domain/plan/words.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { budgetsText, readBudgets, type BudgetDeps, type MonthBudget } from '../budgets.ts';
import { compareContents, contentsText, type ContentDeps } from '../plan/compare-contents.ts';
import { measurementText, measureSources, type MeasureDeps } from '../plan/measure-sources.ts';
import { planPage } from '../plan/plan-page.ts';
import { deployedText, planText, type DeployedState } from '../plan/plan-text.ts';
import { pricesOf } from '../prices-of.ts';
import { CommandError, UsageError, type Terminal } from '../terminal.ts';
import { toSince, USUAL_SINCE_MS } from '../to-since.ts';

export interface PlanDeps extends MeasureDeps, BudgetDeps, ContentDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  readonly loadPrices: (file: string) => PriceTable;
  /** The texts that a deployment keeps of its plan; none where there is none. */
  readonly readDeployedPlan: (name: string) => Promise<readonly string[]>;
}

interface PlanOptions {
  readonly config: string;
  readonly json?: true;
  readonly explain?: true;
  readonly whatIf?: string;
  readonly html?: string;
  readonly offline?: true;
  readonly prices?: string;
  readonly measured?: number | true;
  readonly deep?: true;
}

/** What a declaration cannot say. */
const MORE_IS_MEASURED =
  'What really comes may be otherwise: headgate plan --measured compares volume, requests, files and who reads with what is declared, and headgate plan --deep finds sources that bring the same rows.';

/** `headgate plan`: how each source is ingested, what that costs, and why. */
export function createPlanCommand(deps: PlanDeps, configFile: string): Command {
  const { terminal, clock, loadConfig, loadPrices, readDeployedPlan, openActivity, queryHistory } = deps;

  async function plan(name: string | undefined, options: PlanOptions): Promise<void> {
    const config = await loadConfig(options.config);
    requireSource(config, name, options.config);
    const prices = pricesOf(options, config, loadPrices);
    const before = planDeployment(config, prices);
    const changed = options.whatIf === undefined ? undefined : whatIf(config, name, options.whatIf);
    const after = changed === undefined ? before : planDeployment(changed.config, prices);
    const shown = after.sources.filter(({ source }) => name === undefined || source === name);
    const deployed: DeployedState | undefined =
      options.offline === true ? undefined : await compareWithDeployed(after, readDeployedPlan);
    const budgets =
      deployed?.state === 'deployed'
        ? (await spentOfBudgets(config, deps)).filter(({ source }) => name === undefined || source === name)
        : [];
    const difference = changed === undefined ? undefined : compare(before, after, changed.name);
    const measured =
      options.measured === undefined
        ? undefined
        : (
            await measureSources(
              config,
              toPeriod(options.measured, clock.nowMs()),
              { openActivity, queryHistory },
              prices,
            )
          ).filter(({ source }) => name === undefined || source === name);
    const contents = options.deep === true ? await compareContents(after, deps) : undefined;
    if (options.html !== undefined) await writePage(options.html, planPage(after, shown));
    if (options.json)
      terminal.out(
        JSON.stringify({ ...toJson(after, shown, deployed, difference), budgets, measured, contents }),
      );
    else {
      terminal.out(
        [
          planText(after, shown, { explain: options.explain === true }),
          difference?.says,
          deployed && deployedText(deployed),
          budgetsText(budgets),
          measured === undefined
            ? deployed?.state === 'deployed' && MORE_IS_MEASURED
            : measurementText(measured),
          contents && contentsText(contents),
        ]
          .filter((part) => part !== undefined && part !== '' && part !== false)
          .join('\n\n'),
      );
      if (options.html !== undefined) terminal.err(`wrote ${options.html}`);
    }
    const errors = [...shown.flatMap(({ findings }) => findings), ...after.findings].filter(
      ({ level }) => level === 'error',
    );
    if (errors.length > 0)
      throw new CommandError(
        `answers that cannot be met: ${[...new Set(errors.map(({ field }) => field))].join(', ')}`,
      );
  }

  return new Command('plan')
    .description('Show how each source is ingested, how fresh that is, what it costs and why')
    .argument('[source]', 'only this one')
    .option('--config <path>', 'configuration file', configFile)
    .option('--explain', 'show every rule that was looked at, and what other tools cost')
    .option(
      '--what-if <changes>',
      'plan a source with other answers, such as "freshness=5 minutes,gbPerDay=400"',
    )
    .option('--html <file>', 'write a page with the curves of cost against freshness')
    .option('--offline', 'do not look at what is deployed')
    .option(
      '--prices <file>',
      'JSON file of prices of another region or contract; the lanes stay as they are deployed',
    )
    .option(
      '--measured [time]',
      'compare with what was measured in this time, such as "24 hours"; 7 days by default',
      toSince,
    )
    .option(
      '--deep',
      'read some of the newest rows of each source in the lake, and find sources that bring the same rows',
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\nA what-if can change: ${WHAT_IF_KEYS}\n\nExamples:\n  $ headgate plan\n  $ headgate plan orders --what-if 'freshness=5 minutes,gbPerDay=400'\n  $ headgate plan --html plan.html`,
    )
    .action(plan);
}

function toPeriod(since: number | true, nowMs: number): Period {
  return { fromMs: nowMs - (since === true ? USUAL_SINCE_MS : since), toMs: nowMs };
}

async function writePage(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (error) {
    throw new UsageError(
      `--html ${file}: cannot be written (${error instanceof Error ? error.message : String(error)}); name a file in a folder that exists`,
    );
  }
}

function requireSource(config: HeadgateConfig, name: string | undefined, file: string): void {
  if (name === undefined || Object.hasOwn(config.sources, name)) return;
  throw new UsageError(
    `${file} declares no source "${name}"; there are: ${Object.keys(config.sources).join(', ')}`,
  );
}

function whatIf(
  config: HeadgateConfig,
  name: string | undefined,
  text: string,
): { readonly name: string; readonly config: HeadgateConfig } {
  const names = Object.keys(config.sources);
  const source = name ?? (names.length === 1 ? names[0] : undefined);
  if (source === undefined)
    throw new UsageError(
      `--what-if changes one source: headgate plan <source> --what-if …; there are: ${names.join(', ')}`,
    );
  try {
    return { name: source, config: applyWhatIf(config, source, text) };
  } catch (error) {
    if (error instanceof WhatIfError) throw new UsageError(`--what-if: ${error.message}`);
    throw error;
  }
}

/** What a what-if changes in money. */
interface Difference {
  readonly source: string;
  readonly before: { readonly usdPerMonth: number; readonly usdPerGb: number; readonly pattern: string };
  readonly after: { readonly usdPerMonth: number; readonly usdPerGb: number; readonly pattern: string };
  readonly totalBefore: number;
  readonly totalAfter: number;
  readonly says: string;
}

function compare(before: DeploymentPlan, after: DeploymentPlan, name: string): Difference {
  const pick = (plan: DeploymentPlan): Difference['before'] => {
    const { usdPerMonth, usdPerGb, pattern } = plan.sources.find(({ source }) => source === name) ?? {
      usdPerMonth: 0,
      usdPerGb: 0,
      pattern: '',
    };
    return { usdPerMonth, usdPerGb, pattern };
  };
  const [old, next] = [pick(before), pick(after)];
  return {
    source: name,
    before: old,
    after: next,
    totalBefore: before.usdPerMonth,
    totalAfter: after.usdPerMonth,
    says:
      `What if: ${name} ${toUsd(old.usdPerMonth)} → ${toUsd(next.usdPerMonth)} a month (${toChange(old.usdPerMonth, next.usdPerMonth)}), ` +
      `${toUsd(old.usdPerGb)} → ${toUsd(next.usdPerGb)} per GB; all together ${toUsd(before.usdPerMonth)} → ${toUsd(after.usdPerMonth)} a month.`,
  };
}

/** Compares with what is deployed; a plan needs no account, so that one which cannot be reached is only said. */
async function compareWithDeployed(
  plan: DeploymentPlan,
  read: PlanDeps['readDeployedPlan'],
): Promise<DeployedState> {
  let texts: readonly string[];
  try {
    texts = await read(plan.name);
  } catch (error) {
    if (!(error instanceof HeadgateError)) throw error;
    return { state: 'unknown', why: `the account is not reachable (${error.code})` };
  }
  if (texts.length === 0)
    return { state: 'unknown', why: `"${plan.name}" is not deployed in this account and region` };
  const deployed = readPlanTexts(texts);
  if (deployed === undefined)
    return {
      state: 'unknown',
      why: 'it was deployed by another version of Headgate, whose plan is not understood',
    };
  return { state: 'deployed', changes: diffPlans(deployed, toDeployedPlan(plan.resources), plan.name) };
}

/** What was spent of monthly budgets; whoever may read a plan need not be allowed to. */
async function spentOfBudgets(config: HeadgateConfig, deps: BudgetDeps): Promise<readonly MonthBudget[]> {
  try {
    return await readBudgets(config, deps);
  } catch (error) {
    if (error instanceof HeadgateError) return [];
    throw error;
  }
}

function toJson(
  plan: DeploymentPlan,
  sources: readonly SourcePlan[],
  deployed: DeployedState | undefined,
  difference: Difference | undefined,
): object {
  const { name, usdPerMonth, usdPerGb, commonUsdPerMonth, byService, findings, resources } = plan;
  return {
    name,
    usdPerMonth,
    usdPerGb,
    commonUsdPerMonth,
    byService,
    findings,
    sources: sources.map((source) => ({
      ...source,
      rules: source.rules.map(({ rule, outcome, because, leaves }) => ({
        id: rule.id,
        question: rule.question,
        outcome,
        because,
        leaves,
      })),
    })),
    streams: resources.streams,
    landing: resources.landing,
    reads: resources.reads,
    whatIf: difference,
    deployed,
  };
}
