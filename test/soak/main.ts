/**
 * Records flow for minutes through the real functions while everything goes wrong that can be made to; then the lake is
 * checked from S3 alone.
 *
 * npm run soak -- [--minutes <number>] [--rate <number>] [--seed <number>] [--store-faults <share>] [--json]
 */
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { abortOnSignal } from '../../cloud/abort-on-signal.ts';
import { CloudError } from '../../cloud/cloud-error.ts';
import { createProgress } from '../../demo/progress.ts';
import { renderReport, toJson } from './report.ts';
import { runSoak } from './run-soak.ts';

interface Arguments {
  readonly minutes: number;
  readonly rate: number;
  readonly seed: number;
  readonly storeFaults: number;
  readonly json: boolean;
}

/** How long a stopped run may take to clean up; the emulator ends with this process in any case. */
const STOP_TIMEOUT_MS = 5000;

function number(from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= from && value <= to) return value;
    throw new InvalidArgumentError(`It must be a number from ${String(from)} to ${String(to)}.`);
  };
}

const command = new Command('npm run soak --')
  .description(
    'Lets records flow on the embedded cloud: duplicates, late ones and poison among them, with a faulty event-source ' +
      'poller, faulty stores, a reshard, two redrives by two operators at once and another configuration deployed ' +
      'meanwhile. Then it checks the lake.',
  )
  .option('--minutes <number>', 'how long writers write', number(0.5, 1440), 10)
  .option('--rate <number>', 'unique records per second, by all writers together', number(20, 5000), 500)
  .option('--seed <number>', 'another one gives other records and other faults', number(0, 2 ** 31 - 1), 1)
  .option(
    '--store-faults <share>',
    'chance of each kind of fault per call of a function to a store',
    number(0, 0.1),
    0.01,
  )
  .option('--json', 'print the figures as one JSON object in the last line instead of a summary', false)
  .addHelpText(
    'after',
    `
Example:
  npm run soak -- --minutes 1

Exit code: 0 when nothing is lost and nothing is there twice, 1 otherwise, 2 for a wrong option.`,
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

async function main({ json, ...options }: Arguments): Promise<number> {
  const report = await runSoak({
    ...options,
    progress: createProgress(process.stderr),
    signal: abortOnSignal(STOP_TIMEOUT_MS),
  });
  process.stdout.write(json ? `${JSON.stringify(toJson(report))}\n` : renderReport(report));
  if (json) for (const problem of report.check.problems) process.stderr.write(`${problem}\n`);
  return report.check.problems.length === 0 ? 0 : 1;
}

try {
  process.exitCode ??= await main(command.parse().opts<Arguments>());
} catch (error) {
  process.exitCode ??= 1;
  const isExplained = error instanceof CloudError || process.exitCode !== 1;
  const text = isExplained && error instanceof Error ? error.message : describe(error);
  process.stderr.write(`\n${pc.red(text)}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
