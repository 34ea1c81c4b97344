import { compareMeasured, describeMeasured } from '../../shared/config/plan/compare-measured.ts';
import { lanesThatServe } from '../../shared/config/plan/lanes.ts';
import { planResources } from '../../shared/config/plan/plan-resources.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import type { Period } from '../../shared/domain/cost/lane-activity.ts';
import { measureSource, type MeasuredSource } from '../../shared/domain/cost/measured-source.ts';
import { PRICES, type PriceTable } from '../../shared/domain/cost/prices.ts';
import type { Finding } from '../../shared/domain/plan/finding.ts';
import { toUsd } from '../../shared/domain/plan/words.ts';
import type { QueriesFound, QueryHistory } from '../../shared/ports/query-history.ts';
import type { OpenActivity } from '../open-activity.ts';

/** What was measured of a source, and what to decide anew by it. */
export interface SourceMeasurement {
  readonly source: string;
  /** Undefined when nothing of it arrived. */
  readonly measured: MeasuredSource | undefined;
  /** Queries of its table; undefined where nothing can be known of them. */
  readonly queries: number | undefined;
  readonly findings: readonly Finding[];
}

/** What measuring sources takes. */
export interface MeasureDeps {
  readonly openActivity: (config: HeadgateConfig) => Promise<OpenActivity>;
  /** Undefined where nobody keeps a history of queries. */
  readonly queryHistory: QueryHistory | undefined;
}

const DAY_MS = 86_400_000;

/** Measures the sources of a deployment in a period, and compares them with what is declared. */
export async function measureSources(
  config: HeadgateConfig,
  period: Period,
  { openActivity, queryHistory }: MeasureDeps,
  prices: PriceTable = PRICES,
): Promise<readonly SourceMeasurement[]> {
  const names = Object.keys(config.sources);
  const { activity, close } = await openActivity(config);
  try {
    // Where no pattern is set, the plan decides which lane lands a source.
    const lanes = Object.entries(planResources(config).config.sources).map(([source, settings]) => ({
      source,
      lanes: lanesThatServe(settings),
    }));
    const [found, queries] = await Promise.all([
      activity.read(lanes, period),
      queryHistory?.count(config.name.replaceAll('-', '_'), names, period),
    ]);
    return names.map((source) => {
      const measured = measureSource(source, found, period);
      const reads = readsOf(source, queries, period, measured);
      return {
        source,
        measured,
        queries: reads?.queries,
        findings: measured === undefined ? [] : compareMeasured(config, measured, reads, prices),
      };
    });
  } finally {
    close();
  }
}

/** Queries of a table, in the time in which both it and the history were there. */
function readsOf(
  source: string,
  found: QueriesFound | undefined,
  { toMs }: Period,
  measured: MeasuredSource | undefined,
): { readonly queries: number; readonly days: number } | undefined {
  const queries = found?.queries.get(source);
  if (found === undefined || queries === undefined) return undefined;
  const days = (toMs - found.sinceMs) / DAY_MS;
  return { queries, days: Math.min(days, measured?.days ?? days) };
}

/** What was measured, for people. */
export function measurementText(all: readonly SourceMeasurement[]): string {
  return [
    'Measured:',
    ...all.flatMap(({ source, measured, queries, findings }) => [
      `  ${source}: ${measured === undefined ? 'nothing arrived' : describeMeasured(measured)}` +
        (queries === undefined ? '' : `, ${String(queries)} queries by Athena`),
      ...findings.map(
        ({ field, says, next, usdPerMonth }) =>
          `    ${field}: ${says}${moneyText(usdPerMonth)}\n      ${next}`,
      ),
    ]),
  ].join('\n');
}

function moneyText(usdPerMonth: number | undefined): string {
  if (usdPerMonth === undefined || usdPerMonth === 0) return '';
  return usdPerMonth > 0
    ? ` [saves ${toUsd(usdPerMonth)} a month]`
    : ` [costs ${toUsd(-usdPerMonth)} more a month]`;
}
