import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import type { LakeFile } from '../../shared/adapters/aws/s3-lake-view.ts';
import type { LogLines } from '../../shared/ports/log-lines.ts';
import { lanesThatServe } from '../../shared/config/plan/lanes.ts';
import type { SourceConfig } from '../../shared/config/schema.ts';
import { requireSource } from '../dlq/selection.ts';
import type { LakeDeps, OpenLake } from '../open-lake.ts';
import type { LogsDeps } from '../open-logs.ts';
import { toSince } from '../to-since.ts';

interface TailOptions {
  readonly config: string;
  readonly since: number;
  readonly limit?: number;
  readonly errors?: true;
  readonly json?: true;
}

/** One thing that is shown. */
interface Shown {
  readonly atMs: number;
  readonly kind: 'landed' | 'quarantined' | 'log';
  readonly text: string;
  /** For programs. */
  readonly json: string;
}

/** Values of a row by column, each as JSON: numbers have all their digits, which `JSON.parse` would cut. */
type Row = ReadonlyMap<string, string>;

const POLL_MS = 5_000;
const DAY_MS = 86_400_000;
/** How far from now the event times of records are that are looked for, in days: others land as well, and are not shown. */
const DAYS_AROUND = 1;
const MAX_TEXT = 160;
/** Lines of a log become visible up to so long after they were written. */
const LOG_DELAY_MS = 60_000;

/** `headgate tail`: records as they land, and what goes wrong meanwhile, until it is ended. */
export function createTailCommand(deps: LakeDeps & LogsDeps, configFile: string): Command {
  const { terminal, clock, loadConfig, openLake, openLogs } = deps;

  async function tail(name: string, options: TailOptions): Promise<void> {
    const config = await loadConfig(options.config);
    requireSource(config, name, 'source');
    const source = config.sources[name];
    if (source === undefined) return;
    const lake = await openLake(config);
    const logs = await openLogs(config);
    const sinceMs = clock.nowMs() - options.since;
    const seen = new Set<string>();
    const isWanted = (key: string): boolean => options.errors !== true || !key.startsWith('raw/');
    let left = options.limit ?? Infinity;
    if (!options.json)
      terminal.err(
        `${options.errors ? 'Rows in quarantine' : `Records of ${name} whose event time is within a day of now`}, as their files appear, and warnings of its functions; end with Ctrl-C.`,
      );
    try {
      for (;;) {
        const found = [
          ...(await newRows(lake, prefixesOf(name).filter(isWanted), name, sinceMs, seen)),
          ...(await newLines(source, name, logs, sinceMs, seen)),
        ].sort((a, b) => a.atMs - b.atMs);
        for (const shown of found.slice(0, left)) terminal.out(options.json ? shown.json : lineOf(shown));
        left -= found.length;
        if (left <= 0) return;
        await clock.sleep(POLL_MS);
      }
    } finally {
      logs.close();
    }
  }

  function prefixesOf(name: string): readonly string[] {
    const days = Array.from({ length: 2 * DAYS_AROUND + 1 }, (_, i) =>
      new Date(clock.nowMs() + (i - DAYS_AROUND) * DAY_MS).toISOString().slice(0, 10),
    );
    return [...days.map((day) => `raw/${name}/dt=${day}/`), `quarantine/${name}/`];
  }

  async function newRows(
    lake: OpenLake,
    prefixes: readonly string[],
    name: string,
    sinceMs: number,
    seen: Set<string>,
  ): Promise<readonly Shown[]> {
    // A file says when its writer began, and is there a moment later: what appears after the first look is new
    // whatever it says, and whatever this clock says.
    const isFirst = !seen.has('lake');
    const unseen = (await lake.list(prefixes)).filter(({ key, kind }) => kind === 'data' && !seen.has(key));
    for (const { key } of unseen) seen.add(key);
    seen.add('lake');
    const fresh = unseen.filter(({ writtenAtMs }) => !isFirst || writtenAtMs >= sinceMs);
    return fresh.length === 0 ? [] : await readRows(lake, name, fresh);
  }

  async function readRows(
    lake: OpenLake,
    name: string,
    files: readonly LakeFile[],
  ): Promise<readonly Shown[]> {
    const folder = await mkdtemp(join(tmpdir(), 'headgate-tail-'));
    try {
      await lake.copyTo(
        folder,
        files.map(({ key }) => key),
      );
      const writtenAtMs = Math.max(...files.map((file) => file.writtenAtMs));
      const views = [
        ['landed', files.some(({ key }) => key.startsWith('raw/')) ? `"${name}"` : undefined],
        ['quarantined', files.some(({ key }) => key.startsWith('quarantine/')) ? 'quarantine' : undefined],
      ] as const;
      const shown: Shown[] = [];
      for (const [kind, view] of views) {
        if (view === undefined) continue;
        const { columns, rows } = await deps.queryFolder(
          folder,
          `SELECT to_json(COLUMNS(*))::VARCHAR FROM ${view}`,
        );
        for (const values of rows) {
          const row = toRow(columns, values);
          const json = `{"kind":"${kind}","row":${toJson([...row])}}`;
          shown.push({ atMs: writtenAtMs, kind, text: textOf(kind, row), json });
        }
      }
      return shown;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async function newLines(
    source: SourceConfig,
    name: string,
    logs: Pick<LogLines, 'read'>,
    sinceMs: number,
    seen: Set<string>,
  ): Promise<readonly Shown[]> {
    const fromMs = Math.max(sinceMs, clock.nowMs() - LOG_DELAY_MS - POLL_MS);
    const lines = await logs.read(lanesThatServe(source), seen.has('logs') ? fromMs : sinceMs);
    seen.add('logs');
    return lines.flatMap((line): Shown[] => {
      if (seen.has(line.id) || (line.source !== undefined && line.source !== name)) return [];
      seen.add(line.id);
      const { atMs, lane, level, message, fields } = line;
      const details = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
      return [
        {
          ...{ atMs, kind: 'log', text: `${level} ${lane}: ${message}${details}` },
          json: JSON.stringify({ kind: 'log', ...line }),
        },
      ];
    });
  }

  return new Command('tail')
    .description('Show records as they land, and warnings and errors of the functions, until it is ended')
    .argument('<source>', 'name of the source')
    .option('--since <time>', 'begin so long ago, such as "10 minutes"', toSince, 0)
    .option('--limit <n>', 'end after so many lines', toLimit)
    .option('--errors', 'only what goes wrong: rows in quarantine, warnings and errors')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON, a line each')
    .addHelpText('after', '\nExample:\n  $ headgate tail orders --since "10 minutes"')
    .action(tail);
}

function toLimit(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('must be a whole number from 1 on');
}

const NONE = 'NULL';
/** DuckDB writes them into JSON, which has none. */
const NO_JSON = /^-?(nan|inf(inity)?)$/i;

function toRow(columns: readonly string[], values: readonly string[]): Row {
  return new Map(
    columns.map((column, i): [string, string] => {
      const value = values[i] ?? NONE;
      return [column, value === NONE ? 'null' : NO_JSON.test(value) ? JSON.stringify(value) : value];
    }),
  );
}

const toJson = (fields: readonly (readonly [string, string])[]): string =>
  `{${fields.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;

/** What a row says, without the columns that all rows have. */
function textOf(kind: 'landed' | 'quarantined', row: Row): string {
  const said = (column: string): string => (row.get(column) ?? '').replace(/^"(.*)"$/s, '$1');
  if (kind === 'quarantined') return `${said('reason')}: ${said('error')} (${said('_id')})`;
  const fields = [...row].filter(([name, value]) => !name.startsWith('_') && value !== 'null');
  return `${said('_id')} ${toJson(fields)}`;
}

const COLOURS = { landed: pc.green, quarantined: pc.yellow, log: pc.red } as const;

function lineOf({ atMs, kind, text }: Shown): string {
  const short = text.length > MAX_TEXT && kind === 'landed' ? `${text.slice(0, MAX_TEXT)}…` : text;
  return `${new Date(atMs).toISOString().slice(11, 19)} ${COLOURS[kind](kind.padEnd(11))} ${short}`;
}
