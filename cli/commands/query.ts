import { existsSync } from 'node:fs';
import Table from 'cli-table3';
import { Command } from 'commander';
import { parseSizeBytes } from '../../shared/config/units.ts';
import type { LakeDeps } from '../open-lake.ts';
import { CommandError, UsageError } from '../terminal.ts';

interface QueryOptions {
  readonly config: string;
  readonly lake?: string;
  readonly maxDownload: string;
  readonly json?: true;
}

const QUARANTINE = 'quarantine';

/** `headgate query`: asks the lake with SQL, here, without Athena. */
export function createQueryCommand(deps: LakeDeps, configFile: string): Command {
  const { terminal, loadConfig, openLake, queryFolder } = deps;

  async function query(sql: string, options: QueryOptions): Promise<void> {
    const folder = options.lake ?? (await copyLake(sql, options));
    if (!existsSync(folder)) throw new CommandError(`${folder}: there is no such folder`);
    const { columns, rows } = await queryFolder(folder, sql).catch((error: unknown) => {
      throw new CommandError(error instanceof Error ? error.message : String(error));
    });
    if (options.json) {
      terminal.out(JSON.stringify({ columns, rows }));
      return;
    }
    const table = new Table({ head: [...columns], style: { head: [], border: [] } });
    table.push(...rows.map((row) => [...row]));
    terminal.out(table.toString());
  }

  /** Downloads the sources that the query names, unless the copy of the last query has them already. */
  async function copyLake(sql: string, options: QueryOptions): Promise<string> {
    const maxBytes = parseSizeBytes(options.maxDownload);
    if (maxBytes === undefined) throw new UsageError('--max-download must be a size such as "500 MB"');
    const config = await loadConfig(options.config);
    const named = Object.keys(config.sources).filter((source) => isNamed(sql, source));
    if (named.length === 0 && !isNamed(sql, QUARANTINE)) {
      const tables = [...Object.keys(config.sources), QUARANTINE].join(', ');
      throw new CommandError(`the query names no table of the lake; there are: ${tables}`);
    }
    const prefixes = named.map((source) => `raw/${source}/`);
    if (isNamed(sql, QUARANTINE)) prefixes.push(`${QUARANTINE}/`);
    const lake = await openLake(config);
    const files = await lake.list(prefixes);
    const bytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    if (!files.some((file) => file.kind === 'data')) {
      throw new CommandError(
        `nothing has landed yet in ${prefixes.map((prefix) => `s3://${lake.bucket}/${prefix}`).join(', ')}`,
      );
    }
    if (bytes > maxBytes) {
      throw new CommandError(
        `the query needs ${String(Math.ceil(bytes / 1e6))} MB of the lake on this machine, more than ${options.maxDownload}: ` +
          'raise --max-download, or ask Athena, which reads the lake where it is',
      );
    }
    await lake.copyTo(lake.copyFolder, prefixes);
    return lake.copyFolder;
  }

  return new Command('query')
    .description('Ask the lake with SQL (DuckDB); every source is a table, and so is quarantine')
    .argument('<sql>', 'the query')
    .option('--lake <folder>', 'a copy of a lake to ask, instead of the deployed one')
    .option('--config <path>', 'configuration file', configFile)
    .option('--max-download <size>', 'most that may be copied from S3 for the query', '1 GB')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `\nExample:\n  $ headgate query "SELECT count(*) FROM orders WHERE dt >= '2026-01-01'"`,
    )
    .action(query);
}

/** Whether a name stands in the query as a word of its own. */
function isNamed(sql: string, name: string): boolean {
  return new RegExp(`(?<![\\w-])${name}(?![\\w-])`, 'i').test(sql);
}
