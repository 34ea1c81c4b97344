import Table from 'cli-table3';
import pc from 'picocolors';
import type { QueryResult } from '../shared/adapters/duckdb/query-lake.ts';
import { sumSources, type DemoReport, type SourceReport } from './report.ts';

const count = new Intl.NumberFormat('en-US');

/** A figure of the table: its name, its value in words, and whether a value above zero is bad. */
type Row = readonly [
  name: string,
  show: (source: SourceReport) => string,
  alarming?: (source: SourceReport) => boolean,
];

const ROWS: readonly Row[] = [
  ['sent', (source) => count.format(source.sent)],
  ['rejected', (source) => count.format(source.rejected)],
  ['accepted', (source) => count.format(source.accepted)],
  ['├ landed', (source) => count.format(source.landed)],
  ['├ duplicate', (source) => count.format(source.duplicate)],
  ['└ quarantined', (source) => count.format(source.quarantined)],
  ['lost', (source) => count.format(source.lost), (source) => source.lost > 0],
  ['duplicated', (source) => count.format(source.duplicated), (source) => source.duplicated > 0],
  ['JSON landed', (source) => showBytes(source.rawBytes)],
  ['Parquet', (source) => showBytes(source.parquetBytes)],
  ['compression', (source) => showRatio(source)],
  ['files', (source) => count.format(source.files)],
];

/** The report for people, as text. */
export function renderSummary(report: DemoReport): string {
  const total = sumSources(report.sources.values());
  const facts: [string, string][] = [
    [
      'latency',
      `p50 ${showMs(report.latencyMs.p50)}, p99 ${showMs(report.latencyMs.p99)} from receipt to lake`,
    ],
    ['ingest', showIngest(report)],
    ['quarantine', showReasons(total)],
    ['cost', `$${report.cost.usdPerGb.toFixed(4)} per GB of JSON (estimated)`],
    ['time', `${report.wallSeconds.toFixed(1)} s in all`],
    ['files', report.lakeFolder],
  ];
  return [
    '',
    showVerdict(report, total),
    '',
    renderSources(report, total),
    '',
    ...facts.map(([name, text]) => `  ${pc.bold(name.padEnd(11))} ${text}`),
    '',
    ...renderCost(report),
    '',
    pc.bold('Ask the lake yourself:'),
    `  npx headgate query --lake ${report.lakeFolder} "${report.query.sql}"`,
    '',
    renderTable(report.query.result),
    '',
    pc.bold('The same in Athena, once it runs on AWS:'),
    `  ${report.query.athenaSql}`,
    '',
  ].join('\n');
}

function showVerdict(report: DemoReport, total: SourceReport): string {
  if (report.problems.length === 0) {
    return pc.green(
      `✓ ${count.format(total.sent)} records sent, ${count.format(total.landed)} landed: none lost, none twice, every value as it was sent.`,
    );
  }
  return [
    pc.red('✗ The lake does not hold what was sent:'),
    ...report.problems.map((problem) => `  - ${problem}`),
  ].join('\n');
}

function renderSources(report: DemoReport, total: SourceReport): string {
  const columns: [string, SourceReport][] = [...report.sources, ['total', total]];
  const table = new Table({
    head: ['', ...columns.map(([name]) => pc.bold(name))],
    colAligns: ['left', ...columns.map(() => 'right' as const)],
    style: { head: [], border: [], compact: true },
  });
  for (const [name, show, alarming] of ROWS) {
    table.push([
      name,
      ...columns.map(([, source]) => (alarming?.(source) === true ? pc.red(show(source)) : show(source))),
    ]);
  }
  return table.toString();
}

function renderCost(report: DemoReport): string[] {
  const lines = report.cost.lines.map(
    ({ service, amount, unit, usd }) =>
      `    ${service.padEnd(22)} ${showAmount(amount).padStart(10)} ${unit.padEnd(25)} $${usd.toFixed(6)}`,
  );
  return [
    pc.dim(
      '  The estimate: what this run used, at list prices of us-east-1, divided by the GB of JSON that landed,',
    ),
    pc.dim(
      '  without storage, queries, encryption keys, metrics and alarms (shards for the seconds of the ingest):',
    ),
    ...lines.map((line) => pc.dim(line)),
  ];
}

/** A result as a table. */
function renderTable(result: QueryResult): string {
  const table = new Table({
    head: result.columns.map((name) => pc.bold(name)),
    style: { head: [], border: [], compact: true },
  });
  for (const row of result.rows) table.push([...row]);
  return table.toString();
}

function showIngest({ push }: DemoReport): string {
  const perSecond = count.format(Math.round(push.records / push.seconds));
  return `${perSecond} records/s while pushing (${count.format(push.requests)} requests in ${push.seconds.toFixed(1)} s)`;
}

function showReasons(total: SourceReport): string {
  const reasons = Object.entries(total.quarantinedByReason);
  return reasons.map(([reason, rows]) => `${count.format(rows)} ${reason}`).join(', ') || 'empty';
}

function showAmount(amount: number): string {
  return amount >= 100 ? count.format(Math.round(amount)) : String(Number(amount.toPrecision(3)));
}

function showMs(ms: number): string {
  return ms < 1000 ? `${String(Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function showBytes(bytes: number): string {
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function showRatio(source: SourceReport): string {
  return source.parquetBytes === 0 ? '–' : `${(source.rawBytes / source.parquetBytes).toFixed(1)}x`;
}
