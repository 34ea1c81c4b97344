import { idleDeployment } from './idle-deployment.ts';
import type { Design, Pattern } from '../../domain/cost/design.ts';
import { modelIdle } from '../../domain/cost/model-operating.ts';
import { byService, priceUsage } from '../../domain/cost/price-usage.ts';
import { PRICES, type PriceTable } from '../../domain/cost/prices.ts';
import { addUsage } from '../../domain/cost/usage.ts';
import { quoteTool, type OtherToolName } from '../../domain/cost/other-tools.ts';
import { isFetched, PATTERN_NAMES } from '../../domain/plan/answers.ts';
import { DECISION_MATRIX } from '../../domain/plan/decision-matrix.ts';
import type { Finding } from '../../domain/plan/finding.ts';
import { FUNCTION_SIZES, type FunctionName } from '../../domain/plan/function-sizes.ts';
import { lostWith } from '../../domain/plan/lost.ts';
import { shardsFilled } from '../../domain/plan/shards.ts';
import { toChange, toConfigTime, toGb, toPercent, toTime, toUsd } from '../../domain/plan/words.ts';
import type { HeadgateConfig } from '../schema.ts';
import { gbPerReadOf, isReadWhole } from './at-freshness.ts';
import { checkBudget, checkDeploymentBudget } from './check-budgets.ts';
import { CONTRADICTIONS } from './contradictions.ts';
import { lanesOf } from './lanes.ts';
import { otherPattern, type SourceOption } from './options-of-source.ts';
import { mayMove } from './plan-lanes.ts';
import { planResources, utilisationOf, type ResourcePlan } from './plan-resources.ts';
import { sourceOf, streamOf } from './planned-design.ts';
import { gatherFacts, type SourceFacts } from './source-facts.ts';
import type { PlannedChoice, PlannedResource, SourcePlan, ToolComparison } from './source-plan.ts';
import { findTraps } from './traps.ts';
import { streamLoadOf } from './to-workload.ts';

/** What is planned for a deployment. */
export interface DeploymentPlan {
  readonly name: string;
  readonly sources: readonly SourcePlan[];
  readonly resources: ResourcePlan;
  /** What is there for all of them: the key, the dashboard, the alarms of functions and streams. */
  readonly commonUsdPerMonth: number;
  readonly usdPerMonth: number;
  readonly usdPerGb: number;
  readonly byService: readonly { readonly service: string; readonly usd: number }[];
  /** About the deployment as a whole. */
  readonly findings: readonly Finding[];
}

/** Plans and prices a deployment. The same configuration and prices give the same plan. */
export function planDeployment(declared: HeadgateConfig, prices: PriceTable = PRICES): DeploymentPlan {
  const resources = planResources(declared);
  const all = gatherFacts(declared, resources, prices);
  const traps = findTraps(all);
  const apiSources = all.filter(({ source }) => source.type === 'http').length;
  const common = modelIdle(idleDeployment(declared, resources));
  const bill = priceUsage(addUsage(common, ...all.map(({ priced }) => priced.usage)), prices);
  const gbPerMonth = all.reduce((sum, { workload }) => sum + workload.rawBytesPerMonth / 1e9, 0);
  const cost = { usdPerMonth: bill.usd, usdPerGb: bill.usd / gbPerMonth };
  const overBudget = checkDeploymentBudget(declared.budget, cost, all);
  return {
    name: declared.name,
    sources: all.map((facts) =>
      planSource(
        facts,
        apiSources,
        traps.filter(({ source }) => source === facts.name),
      ),
    ),
    resources,
    commonUsdPerMonth: priceUsage(common, prices).usd,
    ...cost,
    byService: byService(bill),
    findings: overBudget === undefined ? [] : [overBudget],
  };
}

function planSource(facts: SourceFacts, apiSources: number, traps: readonly Finding[]): SourcePlan {
  const { name, source, answers, decision, priced, options } = facts;
  const { pattern } = priced.design;
  const asksFor = decision.patterns.includes(pattern) ? pattern : (decision.patterns[0] ?? pattern);
  const own = ownChoiceOf(facts);
  const budget = checkBudget(facts);
  const lost = isFetched(answers) ? lostWith(pattern, answers.findsDeletes) : [];
  return {
    source: name,
    type: source.type,
    gbPerDay: answers.gbPerDay,
    pattern,
    asksFor,
    isByHand: answers.byHand !== undefined,
    direction: isFetched(answers) ? 'pull' : 'push',
    lane: laneOfDesign(priced.design),
    resources: resourcesOf(facts),
    freshness: { ...priced.freshness, askedMs: answers.freshnessMs },
    usdPerGb: priced.usdPerGb,
    usdPerMonth: priced.usdPerMonth,
    idleUsdPerMonth: priced.idleUsdPerMonth,
    byService: priced.byService,
    nextCheaper: nextCheaper(facts),
    nextFaster: nextFaster(facts),
    ownChoice: own,
    curve: options,
    reasons: reasonsOf(facts, own),
    lost,
    findings: [
      ...gapOf(facts, asksFor),
      ...CONTRADICTIONS.flatMap(({ id, find }) => {
        const found = find(facts);
        return found === undefined ? [] : [{ id, ...found }];
      }),
      ...(budget === undefined ? [] : [budget]),
      ...traps,
    ],
    tools: compareTools(facts, apiSources, asksFor === pattern),
    rules: decision.outcomes,
  };
}

/** The function that lands a design. */
function laneOfDesign({ kind }: Design): FunctionName {
  switch (kind) {
    case 'stream':
      return 'stream';
    case 'landing':
      return 'land';
    case 'pull':
      return 'pull';
    case 'extract':
      return 'extract';
    case 'queue':
    case 'log-slice':
    case 'log-task':
      throw new Error(`Headgate does not deploy the design ${kind}`);
  }
}

function resourcesOf({ name, resources }: SourceFacts): readonly PlannedResource[] {
  const source = sourceOf(name, resources);
  const { received, landed } = lanesOf(source);
  const found: PlannedResource[] = [];
  const stream = streamOf(name, resources);
  if (stream !== undefined) {
    found.push({
      kind: 'stream',
      name: stream.name,
      shards: stream.shards,
      share: shardsFilled(streamLoadOf(source)) / shardsFilled(stream.load),
      utilisation: utilisationOf(stream),
      batchingWindowSeconds: stream.eventSource.maxBatchingWindowSeconds,
      batchSize: stream.eventSource.batchSize,
    });
  }
  const schedule = resources.landing.find(({ sources }) => sources.includes(name));
  if (schedule !== undefined) {
    found.push({
      kind: 'schedule',
      name: schedule.name,
      everyMinutes: schedule.windowMinutes,
      sources: schedule.sources.length,
    });
  }
  const read = resources.reads.find((each) => each.source === name);
  if (read !== undefined) found.push({ kind: 'schedule', name, everyMinutes: read.minutes, sources: 1 });
  for (const fn of new Set([received, landed]))
    found.push({ kind: 'function', name: fn, memoryMiB: FUNCTION_SIZES[fn].memoryMiB });
  return found;
}

/** A saving that is worth a word. */
const WORTH = 0.9;

/** The next older freshness that saves a tenth, or the one that saves most where none does. */
function nextCheaper({ priced, options, answers }: SourceFacts): PlannedChoice | undefined {
  const older = options.filter(({ askedMs }) => askedMs > answers.freshnessMs);
  const worth = older.find(({ usdPerMonth }) => usdPerMonth <= priced.usdPerMonth * WORTH);
  const most = older.reduce<SourceOption | undefined>(
    (best, option) => (option.usdPerMonth < (best?.usdPerMonth ?? priced.usdPerMonth * 0.99) ? option : best),
    undefined,
  );
  const found = worth ?? most;
  return found && toChoice('relax', answers.freshnessMs, found, priced.usdPerMonth);
}

/** The next shorter freshness that is fresher. */
function nextFaster({ priced, options, answers }: SourceFacts): PlannedChoice | undefined {
  const found = options
    .filter(
      ({ askedMs, freshness }) =>
        askedMs < answers.freshnessMs && freshness.p99Ms < priced.freshness.p99Ms * WORTH,
    )
    .at(-1);
  return found && toChoice('tighten', answers.freshnessMs, found, priced.usdPerMonth);
}

const toChoice = (
  verb: string,
  fromMs: number,
  option: SourceOption,
  usdPerMonth: number,
): PlannedChoice => ({
  ...option,
  says: `${verb} ${toConfigTime(fromMs)} to ${toConfigTime(option.askedMs)}: ${toChange(usdPerMonth, option.usdPerMonth)}`,
});

/** What the plan would have chosen where the pattern was set by hand. */
function ownChoiceOf(facts: SourceFacts): PlannedChoice | undefined {
  const { name, source, declared, priced, answers } = facts;
  if (answers.byHand === undefined || (source.type !== 'push' && source.type !== 'webhook')) return undefined;
  const unset = { ...source, pattern: undefined };
  const free = planResources({ ...declared, sources: { ...declared.sources, [name]: unset } });
  const chosen = sourceOf(name, free);
  const other = otherPattern({ ...facts, ...priced });
  const isSame = 'pattern' in chosen && chosen.pattern === priced.design.pattern;
  const own: SourceOption | undefined = isSame
    ? { askedMs: answers.freshnessMs, pattern: priced.design.pattern, ...priced }
    : other;
  return (
    own && {
      ...own,
      says: isSame
        ? `"${answers.byHand}" was set by hand, and is what the plan would choose`
        : `"${answers.byHand}" was set by hand; the plan would choose "${own.pattern}": ${toUsd(own.usdPerMonth)} instead of ${toUsd(priced.usdPerMonth)} a month (${toChange(priced.usdPerMonth, own.usdPerMonth)}), fresh within ${toTime(own.freshness.p99Ms)}`,
    }
  );
}

function reasonsOf(facts: SourceFacts, own: PlannedChoice | undefined): readonly string[] {
  const { name, source, decision, priced, resources } = facts;
  const reasons = decision.outcomes.flatMap(({ outcome, because }) =>
    outcome === 'applied' && because !== undefined ? [because] : [],
  );
  if (own !== undefined) reasons.push(own.says);
  if ((source.type === 'push' || source.type === 'webhook') && mayMove(source)) {
    const other = otherPattern({ ...facts, ...priced });
    if (other !== undefined) {
      reasons.push(
        `${PATTERN_NAMES[priced.design.pattern]} costs ${toUsd(priced.usdPerMonth)} a month; ${PATTERN_NAMES[other.pattern]} would cost ${toUsd(other.usdPerMonth)}, all sources taken together`,
      );
    }
  }
  if (isReadWhole(source)) {
    reasons.push(
      `every read brings all of it, ${toGb(gbPerReadOf(source, facts.answers.gbPerDay))}: the volume of a day is that times the reads, and changes with the freshness`,
    );
  }
  const stream = streamOf(name, resources);
  if (stream !== undefined) {
    const others = stream.sources.length - 1;
    reasons.push(
      `${String(stream.shards)} shard${stream.shards === 1 ? '' : 's'}, filled to ${toPercent(utilisationOf(stream))} on average` +
        (others > 0 ? `, shared with ${String(others)} other source${others === 1 ? '' : 's'}` : ''),
    );
  }
  return reasons;
}

/** Where the answers ask for a pattern that is not deployed, what is lost. */
function gapOf(
  { name, source, answers, decision, priced }: SourceFacts,
  asksFor: Pattern,
): readonly Finding[] {
  const { pattern } = priced.design;
  if (asksFor === pattern) return [];
  const why = decision.outcomes
    .filter(({ outcome, rule }) => outcome === 'applied' && !rule.allows.includes(pattern))
    .flatMap(({ because }) => because ?? []);
  const lost = lostWith(pattern, answers.findsDeletes);
  const every = answers.everyMinutes === undefined ? '' : `, every ${toTime(answers.everyMinutes * 60_000)}`;
  return [
    {
      id: 'nearest-pattern',
      level: 'warning',
      field: `sources.${name}.${answers.changes === 'append' ? 'freshness' : 'changes'}`,
      says:
        `the answers ask for ${PATTERN_NAMES[asksFor]} (${why.join('; ')}); Headgate ` +
        `${asksFor === 'log-cdc' ? 'does not read the logs of databases' : `has it only with other settings (${source.type})`}. ` +
        `Deployed is the nearest: ${PATTERN_NAMES[pattern]}${every}. Lost: ${lost.join('; ')}`,
      next:
        asksFor === 'trigger-cdc'
          ? 'declare `changeLog`, if a trigger can write one'
          : 'where that matters, have Debezium follow the log and put its events on a source of type "stream", or declare a `changeLog` that a trigger writes',
    },
  ];
}

function compareTools(facts: SourceFacts, apiSources: number, isMet: boolean): readonly ToolComparison[] {
  const { answers, workload, prices } = facts;
  const perRead =
    answers.everyMinutes === undefined ? 0 : (answers.gbPerDay * 1e9 * answers.everyMinutes) / 1440;
  return DECISION_MATRIX.filter((row) =>
    row.applies(answers, { bytesPerRead: perRead, apiSources, isMet }),
  ).map(({ id, title, verdict, because, tools }) => ({
    id,
    title,
    verdict,
    because,
    tools: tools.map((name: OtherToolName) => {
      const { tool, usdPerMonth, usdPerGb, sources, asOf, verified } = quoteTool(name, workload, prices);
      return {
        name: tool.name,
        billedBy: tool.billedBy,
        assumes: tool.assumes,
        usdPerMonth,
        usdPerGb,
        sources,
        asOf,
        verified,
      };
    }),
  }));
}
