import Table from 'cli-table3';
import type { PlanChange } from '../../shared/config/plan/deployed-plan.ts';
import type { DeploymentPlan } from '../../shared/config/plan/plan-deployment.ts';
import type { SourcePlan, ToolComparison } from '../../shared/config/plan/source-plan.ts';
import { PATTERN_NAMES } from '../../shared/domain/plan/answers.ts';
import type { Finding } from '../../shared/domain/plan/finding.ts';
import { toGb, toPercent, toTime, toUsd } from '../../shared/domain/plan/words.ts';

/** What is deployed now, as far as it can be known. */
export type DeployedState =
  | { readonly state: 'deployed'; readonly changes: readonly PlanChange[] }
  | { readonly state: 'unknown'; readonly why: string };

/** A plan for people. */
export function planText(
  plan: DeploymentPlan,
  sources: readonly SourcePlan[],
  options: { readonly explain: boolean },
): string {
  return [
    planTable(sources),
    totalText(plan),
    ...sources.map((source) => sourceText(source, options.explain)),
    findingsText(plan.findings),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** One row for each source. */
export function planTable(sources: readonly SourcePlan[]): string {
  const table = new Table({
    head: [
      'source',
      'pattern',
      'lane',
      'asked',
      'p50 / p99',
      '$/GB',
      '$/month',
      'idle',
      'next cheaper',
      'next faster',
    ],
    colAligns: ['left', 'left', 'left', 'right', 'right', 'right', 'right', 'right', 'left', 'left'],
    style: { head: [], border: [] },
  });
  table.push(
    ...sources.map((source) => [
      source.source,
      `${PATTERN_NAMES[source.pattern]}${source.isByHand ? ' (by hand)' : ''}`,
      source.direction === source.lane ? source.lane : `${source.direction}, ${source.lane}`,
      toTime(source.freshness.askedMs),
      `${toTime(source.freshness.p50Ms)} / ${toTime(source.freshness.p99Ms)}`,
      toUsd(source.usdPerGb),
      toUsd(source.usdPerMonth),
      toUsd(source.idleUsdPerMonth),
      choiceText(source.nextCheaper),
      choiceText(source.nextFaster),
    ]),
  );
  return table.toString();
}

/** "relax 30 seconds to 5 minutes: −62 %", on two lines. */
const choiceText = (choice: SourcePlan['nextCheaper']): string =>
  choice === undefined ? '–' : `${choice.says.replace(/^\w+ .* to /, '')} (${toUsd(choice.usdPerMonth)})`;

function totalText({ usdPerMonth, usdPerGb, commonUsdPerMonth, byService }: DeploymentPlan): string {
  const services = byService
    .filter(({ usd }) => usd >= usdPerMonth / 100)
    .map(({ service, usd }) => `${service} ${toUsd(usd)}`)
    .join(', ');
  return `All together ${toUsd(usdPerMonth)} a month, ${toUsd(usdPerGb)} per GB; ${toUsd(commonUsdPerMonth)} of it are there for all sources. ${services}.`;
}

function sourceText(source: SourcePlan, explain: boolean): string {
  const { nextCheaper, nextFaster } = source;
  const choices = [nextCheaper, nextFaster].flatMap((choice) =>
    choice === undefined ? [] : [`  ${choice.says}, ${toUsd(choice.usdPerMonth)} a month`],
  );
  return [
    `${source.source}: ${PATTERN_NAMES[source.pattern]}, ${toGb(source.gbPerDay)} a day`,
    ...source.reasons.map((reason) => `  - ${reason}`),
    ...choices,
    `  ${source.resources.map(resourceText).join('; ')}`,
    `  ${source.byService.map(({ service, usd }) => `${service} ${toUsd(usd)}`).join(', ')}`,
    ...source.tools.filter(({ verdict }) => explain || verdict === 'hand-over').flatMap(toolText),
    ...source.findings.map(findingText),
    ...(explain ? ['  rules:', ...source.rules.map(ruleText)] : []),
  ].join('\n');
}

function resourceText(resource: SourcePlan['resources'][number]): string {
  switch (resource.kind) {
    case 'stream':
      return `stream ${resource.name}: ${String(resource.shards)} shard${resource.shards === 1 ? '' : 's'}, ${toPercent(resource.share)} of it is this source, batches of ${String(resource.batchingWindowSeconds)} s`;
    case 'schedule':
      return `every ${toTime(resource.everyMinutes * 60_000)}${resource.sources > 1 ? ` with ${String(resource.sources - 1)} other sources` : ''}`;
    case 'function':
      return `${resource.name} function: ${String(resource.memoryMiB)} MiB`;
  }
}

function toolText({ title, verdict, because, tools }: ToolComparison): string[] {
  const head = verdict === 'hand-over' ? 'another tool is the right one' : 'in comparison';
  return [
    `  ${head}: ${title}: ${because}`,
    ...tools.map(
      ({ name, billedBy, usdPerGb, usdPerMonth, asOf, verified, sources }) =>
        `    ${name}: ${toUsd(usdPerMonth)} a month, ${toUsd(usdPerGb)} per GB (${billedBy}; ${asOf}${verified ? '' : ', not verified'}; ${sources.join(', ')})`,
    ),
  ];
}

const findingText = ({ level, field, says, next, usdPerMonth }: Finding): string =>
  `  ${level}: ${field}: ${says}${usdPerMonth === undefined ? '' : ` [${toUsd(usdPerMonth)} a month]`}\n    ${next}`;

const findingsText = (findings: readonly Finding[]): string => findings.map(findingText).join('\n');

function ruleText({ rule, outcome, because, leaves }: SourcePlan['rules'][number]): string {
  const mark = { applied: '+', 'not-applicable': ' ', contradicted: '!' }[outcome];
  const what = {
    applied: `${because ?? ''}; leaves ${leaves.map((pattern) => PATTERN_NAMES[pattern]).join(', ')}`,
    'not-applicable': 'does not apply',
    contradicted: `${because ?? ''}; contradicts the rules before it, not followed`,
  }[outcome];
  return `  ${mark} ${rule.id}: ${what}`;
}

/** What would change, for people. */
export function deployedText(deployed: DeployedState): string {
  if (deployed.state === 'unknown') return `Not compared with what is deployed: ${deployed.why}`;
  if (deployed.changes.length === 0) return 'What is deployed is this plan.';
  return [
    'A deployment would change:',
    ...deployed.changes.map(({ what, change, says, note }) => {
      const mark = { added: '+', removed: '−', changed: '~' }[change];
      return `  ${mark} ${what}: ${says}${note === undefined ? '' : `\n      ${note}`}`;
    }),
  ].join('\n');
}
