import Table from 'cli-table3';
import { Command, InvalidArgumentError } from 'commander';
import type { LakeFile } from '../../shared/adapters/aws/s3-lake-view.ts';
import type { LakeDeps } from '../open-lake.ts';

interface LakeOptions {
  readonly config: string;
  readonly last: number;
  readonly follow?: true;
  readonly json?: true;
}

const FOLLOW_MS = 1000;

/** `headgate lake`: what has landed last. */
export function createLakeCommand(
  { terminal, clock, loadConfig, openLake }: LakeDeps,
  configFile: string,
): Command {
  const show = ({ key, rows, sizeBytes, writtenAtMs }: LakeFile) => ({
    landed: new Date(writtenAtMs).toISOString(),
    rows,
    bytes: sizeBytes,
    key,
  });

  async function lake(options: LakeOptions): Promise<void> {
    const { list, bucket } = await openLake(await loadConfig(options.config));
    const newest = await listData(list, options.last);
    if (options.json) terminal.out(JSON.stringify(newest.map(show)));
    else if (newest.length === 0) terminal.err(`Nothing has landed yet in s3://${bucket}.`);
    else terminal.out(toTable(newest));
    if (!options.follow) return;
    terminal.err('Waiting for more; Ctrl-C ends it.');
    const seen = new Set((await listData(list, Infinity)).map((file) => file.key));
    for (;;) {
      await clock.sleep(FOLLOW_MS);
      for (const file of await listData(list, Infinity)) {
        if (seen.has(file.key)) continue;
        seen.add(file.key);
        const { landed, rows, key } = show(file);
        terminal.out(options.json ? JSON.stringify(show(file)) : `${landed}  ${String(rows)} rows  ${key}`);
      }
    }
  }

  function toTable(files: readonly LakeFile[]): string {
    const table = new Table({
      head: ['landed', 'rows', 'bytes', 'file'],
      colAligns: ['left', 'right', 'right', 'left'],
      style: { head: [], border: [] },
    });
    table.push(...files.map(show).map(({ landed, rows, bytes, key }) => [landed, rows, bytes, key]));
    return table.toString();
  }

  return new Command('lake')
    .description('Show the files that landed last')
    .option('--last <number>', 'how many', parseCount, 10)
    .option('--follow', 'go on and show files as they land')
    .option('--config <path>', 'configuration file', configFile)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  $ headgate lake --last 3 --follow')
    .action(lake);
}

/** The newest files that hold rows, oldest first. */
async function listData(
  list: () => Promise<readonly LakeFile[]>,
  last: number,
): Promise<readonly LakeFile[]> {
  const files = (await list()).filter((file) => file.kind === 'data');
  return files.sort((a, b) => a.writtenAtMs - b.writtenAtMs).slice(-last);
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0) return count;
  throw new InvalidArgumentError('It must be a whole number from 1.');
}
