import type { DeploymentPlan } from '../../shared/config/plan/plan-deployment.ts';
import { countOf, sharedPartOf, type Sketch } from '../../shared/domain/plan/content-sketch.ts';
import { matchColumns, pairsToCompare, tellingColumns } from '../../shared/domain/plan/match-columns.ts';
import { toPercent, toUsd } from '../../shared/domain/plan/words.ts';
import type { RowSketches } from '../../shared/ports/row-sketches.ts';

/** What comparing the contents of sources takes. */
export interface ContentDeps {
  /** Opens the newest rows of a deployment's sources. */
  readonly openRowSketches: (name: string) => Promise<OpenRowSketches>;
}

export interface OpenRowSketches {
  readonly sketches: RowSketches;
  readonly close: () => Promise<void>;
}

/** Two sources that bring the same rows. */
interface SharedContent {
  readonly sources: readonly [string, string];
  /** Columns that hold the same values, of the one and of the other. */
  readonly columns: readonly (readonly [string, string])[];
  /** The part of the rows that were looked at of the one with fewer that the other has as well, 0 to 1. */
  readonly sharedPart: number;
  /** What the cheaper of the two costs in a month. */
  readonly usdPerMonth: number;
}

/** What was found in the lake. */
export interface Contents {
  readonly shared: readonly SharedContent[];
  /** Sources of which nothing was read: nothing has landed, or the limits were reached before. */
  readonly notRead: readonly string[];
}

/** With fewer rows than that, rows may be the same by chance. */
const MIN_ROWS = 200;
const MIN_SHARED = 0.5;

/** Finds sources of a plan that bring the same rows, whatever their columns are called, the most money first. */
export async function compareContents(
  plan: DeploymentPlan,
  { openRowSketches }: ContentDeps,
): Promise<Contents> {
  const { sketches, close } = await openRowSketches(plan.name);
  try {
    const columns = new Map<string, ReadonlyMap<string, Sketch>>();
    const notRead: string[] = [];
    for (const { source } of plan.sources) {
      const found = await sketches.columns(source);
      if (found.size === 0) notRead.push(source);
      columns.set(source, tellingColumns(found));
    }
    const shared: SharedContent[] = [];
    for (const [a, b] of pairsToCompare(columns)) {
      const matches = matchColumns(columns.get(a) ?? new Map(), columns.get(b) ?? new Map());
      if (matches.length === 0) continue;
      const [rowsA, rowsB] = [
        await sketches.rows(
          a,
          matches.map((match) => match.a),
        ),
        await sketches.rows(
          b,
          matches.map((match) => match.b),
        ),
      ];
      const sharedPart = sharedPartOf(rowsA, rowsB);
      if (Math.min(countOf(rowsA), countOf(rowsB)) < MIN_ROWS || sharedPart < MIN_SHARED) continue;
      const prices = plan.sources.flatMap(({ source, usdPerMonth }) =>
        source === a || source === b ? [usdPerMonth] : [],
      );
      shared.push({
        sources: [a, b],
        columns: matches.map((match) => [match.a, match.b]),
        sharedPart,
        usdPerMonth: Math.min(...prices),
      });
    }
    return { shared: shared.sort((x, y) => y.usdPerMonth - x.usdPerMonth), notRead };
  } finally {
    await close();
  }
}

/** What was found in the lake, for people. */
export function contentsText({ shared, notRead }: Contents): string {
  return [
    shared.length === 0
      ? 'Content: no two sources bring the same rows, in those that were looked at.'
      : 'Content:',
    ...shared.map(({ sources: [a, b], columns, sharedPart, usdPerMonth }) => {
      const renamed = columns.filter(([one, other]) => one !== other);
      const names = columns.map(([one, other]) => (one === other ? one : `${one} = ${other}`)).join(', ');
      return (
        `  ${a} and ${b} share about ${toPercent(sharedPart)} of their rows (${names}): ${toUsd(usdPerMonth)} a month\n` +
        `    read them once, and make what differs${renamed.length > 0 ? ', such as names of columns,' : ''} a view of the lake; compare them before you remove one`
      );
    }),
    ...(notRead.length === 0 ? [] : [`  not read: ${notRead.join(', ')}`]),
  ].join('\n');
}
