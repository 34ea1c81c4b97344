import { readFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { DatabaseSourceConfig, HeadgateConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import { toContract } from '../../shared/domain/to-contract.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { TableDescription, TableSource } from '../../shared/ports/table-source.ts';
import { UsageError, type Terminal } from '../terminal.ts';
import { discoverFile, type OpenSample } from './discover-files.ts';

export interface DiscoverDeps {
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
  /** @param password instead of the parameter that the source names; undefined: as the source says */
  readonly openTable: (source: Source<DatabaseSourceConfig>, password: string | undefined) => TableSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly openSample: OpenSample;
}

interface DiscoverOptions {
  readonly file?: string;
  readonly type?: DatabaseSourceConfig['type'];
  readonly host?: string;
  readonly port?: string;
  readonly database?: string;
  readonly user?: string;
  readonly table?: string;
  readonly query?: string;
  readonly auth: 'password' | 'iam';
  readonly tls: 'verify-full' | 'off';
  readonly ca?: string;
  readonly config: string;
  readonly json?: true;
}

/** Never an option: command lines are seen by others and kept in histories. */
const PASSWORD_VARIABLE = 'HEADGATE_DATABASE_PASSWORD';
const DEADLINE_MS = 60_000;

/** `headgate discover`: what a source would read, as it is declared. */
export function createDiscoverCommand(deps: DiscoverDeps, configFile: string): Command {
  const { terminal, clock, loadConfig, openTable, env, openSample } = deps;

  async function lookAtFile(file: string, asJson: boolean): Promise<void> {
    const { format, schema, rows } = await discoverFile(file, openSample);
    if (asJson) {
      terminal.out(JSON.stringify({ format, contract: { schema }, rows }));
      return;
    }
    terminal.err(`guessed from ${String(rows)} rows; check types, required fields and key`);
    terminal.out(
      `format: ${JSON.stringify(format)},\ncontract: { schema: ${JSON.stringify(schema, null, 2)} },`,
    );
  }

  async function discover(name: string | undefined, options: DiscoverOptions): Promise<void> {
    if (options.file !== undefined) {
      await lookAtFile(options.file, options.json === true);
      return;
    }
    const config =
      name === undefined ? await declare(options, env) : declared(name, await loadConfig(options.config));
    const source = openTable(toSource(name ?? 'discovered', config), env[PASSWORD_VARIABLE]);
    try {
      const description = await source.describe(clock.nowMs() + DEADLINE_MS);
      if (options.json) {
        terminal.out(JSON.stringify({ type: config.type, ...description, key: description.primaryKey }));
        return;
      }
      terminal.out(toText(description));
      if (description.primaryKey.length === 0)
        terminal.err('There is no primary key: set `key` to columns that identify a row.');
      for (const { message } of description.warnings) terminal.err(`Warning: ${message}`);
    } finally {
      await source.close();
    }
  }

  return new Command('discover')
    .description(
      'Look at what a source would read: a table (prints `columns` and `key`) or a file (prints format and contract)',
    )
    .argument('[source]', 'a source of the configuration; without it, the options say what to look at')
    .option('--file <place>', 'a file, or an object s3://bucket/key: CSV, NDJSON or JSON, gzip and zstd too')
    .addOption(new Option('--type <type>', 'kind of database').choices(['postgres', 'mysql']))
    .option('--host <name>', 'host name of the writer')
    .option('--port <number>', 'default: 5432 for PostgreSQL, 3306 for MySQL')
    .option('--database <name>', 'name of the database')
    .option('--user <name>', 'name of the role or user')
    .option('--table <name>', 'table or view, with its schema where it needs one')
    .option('--query <sql>', 'a SELECT instead of a table')
    .addOption(
      new Option('--auth <kind>', 'how the login is proven').choices(['password', 'iam']).default('password'),
    )
    .addOption(
      new Option('--tls <mode>', 'how the connection is encrypted')
        .choices(['verify-full', 'off'])
        .default('verify-full'),
    )
    .option('--ca <file>', 'certificate authorities (PEM) that are trusted instead of those of Node')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\nThe password is taken from ${PASSWORD_VARIABLE}; for a source, else from its parameter.` +
        '\n\nExamples:\n  $ headgate discover orders' +
        '\n  $ headgate discover --file exports/2026-01-01.csv.gz' +
        '\n  $ headgate discover --type postgres --host db.example.com --database shop --user headgate --table public.orders',
    )
    .action(discover);
}

function declared(name: string, { sources }: HeadgateConfig): DatabaseSourceConfig {
  const source = sources[name];
  if (source?.type === 'postgres' || source?.type === 'mysql') return source;
  const names = Object.entries(sources)
    .filter(([, { type }]) => type === 'postgres' || type === 'mysql')
    .map(([candidate]) => candidate);
  throw new UsageError(
    `${name} is no source of type postgres or mysql; there ${names.length === 0 ? 'is none' : `are: ${names.join(', ')}`}. ` +
      'For a table that no source declares yet, give --type, --host, --database, --user and --table',
  );
}

async function declare(
  { type, host, port, database, user, table, query, auth, tls, ca }: DiscoverOptions,
  env: DiscoverDeps['env'],
): Promise<DatabaseSourceConfig> {
  const missing = Object.entries({ type, host, database, user })
    .filter(([, value]) => value === undefined)
    .map(([name]) => `--${name}`);
  if ((table === undefined) === (query === undefined)) missing.push('either --table or --query');
  if (missing.length > 0)
    throw new UsageError(
      `say what to look at: a source, --file PATH or --file s3://bucket/key, or a table; missing: ${missing.join(', ')}`,
    );
  if (auth === 'password' && env[PASSWORD_VARIABLE] === undefined)
    throw new UsageError(`set the environment variable ${PASSWORD_VARIABLE}, or use --auth iam`);
  const { sources } = parseConfig({
    sources: {
      discovered: {
        ...{ type, table, query, freshness: '1 hour', volume: { gbPerDay: 1 } },
        connection: {
          ...{ host, database, user, auth, tls },
          ...(port === undefined ? {} : { port: Number(port) }),
          ...(auth === 'password' ? { password: { parameter: '/discover/password' } } : {}),
          ...(ca === undefined ? {} : { ca: await readFile(ca, 'utf8') }),
        },
        // Nothing is read but the description.
        columns: { any: 'text' },
      },
    },
  });
  return sources['discovered'] as DatabaseSourceConfig;
}

function toSource(name: string, config: DatabaseSourceConfig): Source<DatabaseSourceConfig> {
  return {
    name,
    config,
    contract: toContract(config.contract.schema),
    check: () => {
      throw new Error('rows of tables are not checked as JSON');
    },
  };
}

const NAME = /^[A-Za-z_$][\w$]*$/;

const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

/** Ready to be pasted into a configuration. */
function toText({ columns, primaryKey, estimatedRows, estimatedBytes }: TableDescription): string {
  const size = [
    estimatedRows === undefined ? undefined : `about ${estimatedRows.toLocaleString('en-US')} rows`,
    estimatedBytes === undefined ? undefined : `${(estimatedBytes / 1e6).toFixed(1)} MB`,
  ].filter((part) => part !== undefined);
  return [
    ...(size.length === 0 ? [] : [`// ${size.join(', ')}`]),
    'columns: {',
    ...columns.map(
      ({ name, columnType, databaseType, nullable }) =>
        `  ${NAME.test(name) ? name : quote(name)}: ${quote(columnType)}, // ${databaseType}${nullable ? '' : ', not null'}`,
    ),
    '},',
    `key: [${primaryKey.map(quote).join(', ')}],`,
  ].join('\n');
}
