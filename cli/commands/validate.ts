import Table from 'cli-table3';
import { Command } from 'commander';
import type { HeadgateConfig, SourceConfig } from '../../shared/config/schema.ts';
import { toContract } from '../../shared/domain/to-contract.ts';
import type { Terminal } from '../terminal.ts';

export interface ValidateDeps {
  readonly terminal: Terminal;
  readonly loadConfig: (file: string) => Promise<HeadgateConfig>;
}

function describe([name, source]: [string, SourceConfig]): {
  source: string;
  type: string;
  freshness: string;
  key: readonly string[];
  eventTime: string | null;
  partition: string;
  columns: number;
  contract: string;
} {
  const contract = toContract(source.contract.schema);
  return {
    source: name,
    type: source.type,
    freshness: source.freshness,
    key: source.key,
    eventTime: source.eventTime?.path ?? null,
    partition: source.partition,
    columns: contract.columns.length,
    contract: contract.version,
  };
}

/** `headgate validate`: checks a configuration and shows its sources. */
export function createValidateCommand({ terminal, loadConfig }: ValidateDeps, configFile: string): Command {
  return new Command('validate')
    .description('Check a configuration and show its sources; every problem is listed')
    .argument('[config]', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate validate headgate.config.ts')
    .action(async (file: string, options: { json?: true }) => {
      const sources = Object.entries((await loadConfig(file)).sources).map(describe);
      if (options.json) {
        terminal.out(JSON.stringify({ valid: true, sources }));
        return;
      }
      const table = new Table({
        head: ['source', 'type', 'freshness', 'key', 'event time', 'partition', 'columns', 'contract'],
        style: { head: [], border: [] },
      });
      table.push(
        ...sources.map((row) => [
          row.source,
          row.type,
          row.freshness,
          row.key.join(', '),
          row.eventTime ?? '(receipt)',
          row.partition,
          row.columns,
          row.contract,
        ]),
      );
      terminal.out(table.toString());
    });
}
