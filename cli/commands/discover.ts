import { Command } from 'commander';
import { UsageError, type Terminal } from '../terminal.ts';
import { discoverFile, type OpenSample } from './discover-files.ts';

export interface DiscoverDeps {
  readonly terminal: Terminal;
  readonly openSample: OpenSample;
}

/** `headgate discover`: prints the contract of what a source would read. */
export function createDiscoverCommand({ terminal, openSample }: DiscoverDeps): Command {
  return new Command('discover')
    .description(
      'Look at what a source would read, and print its format and contract, to be checked by a person',
    )
    .option('--file <place>', 'a file, or an object s3://bucket/key: CSV, NDJSON or JSON, gzip and zstd too')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate discover --file exports/2026-01-01.csv.gz')
    .action(async (options: { file?: string; json?: true }) => {
      if (options.file === undefined)
        throw new UsageError('say what to look at: --file PATH or --file s3://bucket/key');
      const { format, schema, rows } = await discoverFile(options.file, openSample);
      if (options.json) {
        terminal.out(JSON.stringify({ format, contract: { schema }, rows }));
        return;
      }
      terminal.err(`guessed from ${String(rows)} rows; check types, required fields and key`);
      terminal.out(
        `format: ${JSON.stringify(format)},\ncontract: { schema: ${JSON.stringify(schema, null, 2)} },`,
      );
    });
}
