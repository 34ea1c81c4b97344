/**
 * Headgate on one machine, with real data, from nothing to a checked lake.
 *
 * npm run demo [-- --json]
 */
import { join } from 'node:path';
import { Command } from 'commander';
import pc from 'picocolors';
import { abortOnSignal } from '../cloud/abort-on-signal.ts';
import { CloudError } from '../cloud/cloud-error.ts';
import { cacheDir } from '../cloud/paths.ts';
import { FULL_SCALE } from './data/prepare.ts';
import { createProgress } from './progress.ts';
import { toJson } from './report.ts';
import { runDemo } from './run-demo.ts';
import { renderSummary } from './summary.ts';

/** How long a stopped run may take to clean up; the emulator ends with this process in any case. */
const STOP_TIMEOUT_MS = 3000;

const command = new Command('npm run demo --')
  .description(
    'Starts an AWS emulator on this machine, deploys Headgate to it, ingests more than 200,000 real records by push and by pull, and checks the lake.',
  )
  .option('--json', 'print the figures as one JSON object in the last line instead of a summary', false)
  .addHelpText(
    'after',
    `
Example:
  npm run demo -- --json | tail -n 1

Exit code: 0 when nothing is lost and nothing is duplicated, 1 otherwise, 2 for a wrong option.`,
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

async function main(json: boolean): Promise<number> {
  const report = await runDemo({
    scale: FULL_SCALE,
    mayUseRunning: true,
    lakeFolder: join(cacheDir, 'demo', 'lake'),
    progress: createProgress(process.stderr),
    signal: abortOnSignal(STOP_TIMEOUT_MS),
    onPollerEvent: (event) => {
      if (event.kind !== 'discarded') process.stderr.write(pc.yellow(`  ${event.kind}: ${event.reason}\n`));
    },
  });
  process.stdout.write(json ? `${JSON.stringify(toJson(report))}\n` : renderSummary(report));
  if (json) for (const problem of report.problems) process.stderr.write(`${problem}\n`);
  return report.problems.length === 0 ? 0 : 1;
}

try {
  process.exitCode ??= await main(command.parse().opts<{ json: boolean }>().json);
} catch (error) {
  process.exitCode ??= 1;
  const isExplained = error instanceof CloudError || process.exitCode !== 1;
  const text = isExplained && error instanceof Error ? error.message : describe(error);
  process.stderr.write(`\n${pc.red(text)}\n`);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
