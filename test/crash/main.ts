/**
 * Kills real function processes on the embedded cloud at every crash point and counts the rows in the lake.
 *
 * npm run test:crash [-- --json] [--only <points>] [--seed <number>]
 */
import { Command, InvalidArgumentError } from 'commander';
import { CloudError } from '../../cloud/cloud-error.ts';
import { CRASH_POINTS } from './crash-points.ts';
import { isClean, toJson, toText } from './report.ts';
import { runMatrix } from './run-matrix.ts';

const names = CRASH_POINTS.map(({ name }) => name);

interface Arguments {
  readonly json: boolean;
  readonly only: readonly string[] | undefined;
  readonly seed: number;
}

function parsePoints(text: string): readonly string[] {
  const points = text.split(',').map((name) => name.trim());
  const unknown = points.filter((name) => !names.includes(name));
  if (unknown.length === 0) return points;
  throw new InvalidArgumentError(
    `There is no crash point ${unknown.join(', ')}; there are ${names.join(', ')}.`,
  );
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (text.trim() !== '' && Number.isInteger(seed)) return seed;
  throw new InvalidArgumentError('It must be an integer.');
}

const command = new Command('npm run test:crash --')
  .description(
    'Kills function processes on the embedded cloud (SIGKILL) at every crash point, before and after its effect, with the answer lost and as zombies, and counts the rows in the files of the lake.',
  )
  .option('--json', 'print the matrix as one JSON object in the last line', false)
  .option('--only <points>', 'crash points to run, e.g. B.4,R.2', parsePoints)
  .option('--seed <number>', 'of the cuts and repetitions of deliveries', parseSeed, 1)
  .addHelpText(
    'after',
    `
Example:
  npm run test:crash -- --only B.4,R.2

Exit code: 0 when nothing is lost, nothing is duplicated and every crash has happened, 1 otherwise, 2 for a wrong option.
It needs Linux: which process makes a call is read from /proc.`,
  )
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? 0 : 2);
  });

try {
  const { json, only, seed } = command.parse().opts<Arguments>();
  const result = await runMatrix({
    seed,
    ...(only && { only }),
    onProgress: (message) => {
      process.stderr.write(`- ${message}\n`);
    },
  });
  process.stdout.write(json ? `${JSON.stringify(toJson(result))}\n` : `\n${toText(result)}`);
  process.exitCode = isClean(result) ? 0 : 1;
} catch (error) {
  if (!(error instanceof CloudError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
