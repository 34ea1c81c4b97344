import Table from 'cli-table3';
import { VARIANTS } from './crash-points.ts';
import type { CellResult, MatrixResult } from './run-matrix.ts';

/** Whether nothing was lost or doubled, and every fault really happened. */
export function isClean({ cells, foreignRows }: MatrixResult): boolean {
  return foreignRows === 0 && cells.length > 0 && cells.every((cell) => problemOf(cell) === undefined);
}

/** The matrix as one JSON object. */
export function toJson(result: MatrixResult): object {
  const sum = (count: (cell: CellResult) => number): number =>
    result.cells.reduce((total, cell) => total + count(cell), 0);
  return {
    ok: isClean(result),
    cells: result.cells,
    lost: sum(({ lost }) => lost),
    duplicated: sum(({ duplicated }) => duplicated) + result.foreignRows,
    notHappened: sum(({ hasFired }) => (hasFired ? 0 : 1)),
    notLanded: sum(({ hasLanded }) => (hasLanded ? 0 : 1)),
    records: result.records,
    invocations: result.invocations,
    seconds: Math.round(result.seconds),
  };
}

/** The matrix for people: lost/duplicated in each cell. */
export function toText(result: MatrixResult): string {
  const table = new Table({ head: ['', 'at the call', ...VARIANTS], style: { head: [], border: [] } });
  for (const point of new Set(result.cells.map((cell) => cell.point))) {
    const ofPoint = result.cells.filter((cell) => cell.point === point);
    const columns = VARIANTS.map((variant) => {
      const cell = ofPoint.find((each) => each.variant === variant);
      return cell === undefined ? '' : (problemOf(cell) ?? '0/0');
    });
    table.push([point, ofPoint[0]?.call ?? '', ...columns]);
  }
  const { records, invocations, seconds, foreignRows, cells } = result;
  const gaps = cells.flatMap(({ point, variant, gaps: runs }) =>
    runs.map(([from, to]) => `${point}/${variant}: lost ${String(from)} to ${String(to)}`),
  );
  return [
    'lost/duplicated by crash point and variant; the rows were counted in the files of the lake',
    table.toString(),
    ...gaps,
    ...(foreignRows > 0 ? [`${String(foreignRows)} rows that nobody has sent`] : []),
    `${String(cells.length)} cells, ${String(records)} records, ${String(invocations)} invocations, ${seconds.toFixed(0)} s`,
    isClean(result) ? 'Nothing lost, nothing duplicated, every crash happened.' : 'FAILED',
    '',
  ].join('\n');
}

/** What is wrong with a cell. A crash that did not happen proves nothing, so it is a failure. */
function problemOf({ hasFired, hasLanded, lost, duplicated }: CellResult): string | undefined {
  if (!hasFired) return 'did not happen';
  const counts = `${String(lost)}/${String(duplicated)}`;
  // What is lost here was not given up by anybody: it had not landed in time.
  if (!hasLanded) return `stuck, ${counts}`;
  return lost > 0 || duplicated > 0 ? counts : undefined;
}
