import { availableParallelism } from 'node:os';
import cliProgress from 'cli-progress';
import Table from 'cli-table3';
import { Command } from 'commander';
import pc from 'picocolors';
import { MUTANTS } from './mutants.ts';
import {
  isAsExpected,
  runSimulation,
  type MutantReport,
  type Progress,
  type SimulationReport,
} from './run-simulation.ts';
import { simulate } from './simulate.ts';

interface Options {
  readonly calls: string;
  readonly seed: string;
  readonly threads: string;
  readonly json?: true;
  readonly onlySeed?: string;
  readonly mutant?: string;
  readonly trace?: true;
}

const MAX_CALLS = 1_000_000_000;
/** Seeds of runs are 32 bits. */
const MAX_SEED = 400;
const MAX_ONLY_SEED = 2 ** 32 - 1;
const MAX_THREADS = 64;
const SHOWN_FAILURES = 10;

const program = new Command('sim')
  .description(
    'Runs the real engine over stores in memory, under a scheduler that lets calls fail, get lost, come late and overtake\n' +
      'each other, and processes die, sleep and outlive their time. Then breaks the protocol in every way it knows, and\n' +
      'sees whether that is noticed. Exits with 1 when a record is lost or lands twice, or a mutant is not caught.',
  )
  .option(
    '--calls <count>',
    'calls of stores that the protocol makes at least; mutants come on top',
    '1000000',
  )
  .option('--seed <number>', `which runs: 0 to ${String(MAX_SEED)}; the same seed gives the same result`, '1')
  .option('--threads <count>', 'threads; the result does not depend on it', String(availableParallelism()))
  .option('--json', 'print one JSON object')
  .option('--only-seed <number>', 'one run alone, as a failure names it')
  .option('--mutant <name>', 'with --only-seed: the run of this mutant')
  .option('--trace', 'with --only-seed: every call, and what became of it')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run sim -- --calls 10000000 --seed 7 --json\n  npm run sim -- --only-seed 70000012 --trace\n',
  );

program.parse();
const options = program.opts<Options>();

function numberOf(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    program.error(
      `${option} must be a whole number from ${String(min)} to ${String(max)}, not ${JSON.stringify(text)}`,
    );
  }
  return value;
}

async function runOne(seed: number): Promise<void> {
  const mutant = MUTANTS.find(({ name }) => name === options.mutant);
  if (options.mutant !== undefined && mutant === undefined) {
    const names = MUTANTS.map(({ name }) => `  ${name}`).join('\n');
    program.error(`--mutant ${JSON.stringify(options.mutant)} does not exist; there are:\n${names}`);
  }
  const trace = options.trace && ((line: string) => process.stderr.write(`${line}\n`));
  const { problem, calls, faults } = await simulate(seed, { mutant, trace });
  if (options.json) process.stdout.write(`${JSON.stringify({ seed, calls, problem, faults })}\n`);
  else {
    const outcome = problem === undefined ? pc.green('nothing is lost or doubled') : describe(problem);
    process.stdout.write(`seed ${String(seed)}: ${outcome} (${String(calls)} calls)\n`);
  }
  if (problem !== undefined) process.exitCode = 1;
}

async function runAll(): Promise<void> {
  for (const option of ['mutant', 'trace'] as const) {
    if (options[option] !== undefined) program.error(`--${option} needs --only-seed: the run to look at`);
  }
  const calls = numberOf('--calls', options.calls, 1, MAX_CALLS);
  const seed = numberOf('--seed', options.seed, 0, MAX_SEED);
  const threads = numberOf('--threads', options.threads, 1, MAX_THREADS);
  const bar = showProgress(calls);
  const report = await runSimulation({ calls, seed, threads, onProgress: bar.update }).finally(bar.stop);
  process.stdout.write(options.json ? `${JSON.stringify(toJson(report))}\n` : describeReport(report));
  const isGood = report.failures.length === 0 && report.mutants.every(isAsExpected);
  if (!isGood) process.exitCode = 1;
}

function showProgress(calls: number): { update: (progress: Progress) => void; stop: () => void } {
  if (!process.stderr.isTTY) return { update: () => undefined, stop: () => undefined };
  const bar = new cliProgress.SingleBar({
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    format: '{bar} {value}/{total} calls, {mutants} mutants caught',
  });
  bar.start(calls, 0, { mutants: 0 });
  return {
    update: ({ calls: made, mutants }) => {
      bar.update(Math.min(made, calls), { mutants });
    },
    stop: () => {
      bar.stop();
    },
  };
}

function toJson(report: SimulationReport): unknown {
  const { calls, runs, seed, lost, duplicated, stuck, miscounted, faults, failures, seconds } = report;
  const harmful = report.mutants.filter(({ harm }) => harm !== 'nothing');
  return {
    calls,
    runs,
    seed,
    lost,
    duplicated,
    stuck,
    miscounted,
    faults,
    mutants: {
      caught: harmful.filter(isAsExpected).length,
      of: harmful.length,
      detail: harmful,
      harmless: report.mutants.filter(({ harm }) => harm === 'nothing'),
    },
    failures: failures
      .slice(0, SHOWN_FAILURES)
      .map((failure) => ({ ...failure, again: again(failure.seed) })),
    seconds: Math.round(seconds * 10) / 10,
    callsPerSecond: Math.round(calls / seconds),
  };
}

const again = (seed: number, mutant?: string): string =>
  `npm run sim -- --only-seed ${String(seed)}${mutant === undefined ? '' : ` --mutant '${mutant}'`} --trace`;

const describe = ({ kind, what }: { readonly kind: string; readonly what: string }): string =>
  pc.red(`${kind}: ${what}`);

const grouped = (value: number): string => value.toLocaleString('en-US');

function describeReport(report: SimulationReport): string {
  const { calls, runs, seconds, lost, duplicated, stuck, miscounted, failures, mutants } = report;
  const figures = new Table({ head: ['', ''], style: { head: [], border: [] } });
  figures.push(
    ['calls of stores', grouped(calls)],
    ['runs', grouped(runs)],
    ['calls per second', grouped(Math.round(calls / seconds))],
    ...Object.entries(report.faults).map(([kind, times]) => [kind, grouped(times)]),
    ['runs with a lost record', grouped(lost)],
    ['runs with a doubled record', grouped(duplicated)],
    ['runs with a wrong count', grouped(miscounted)],
    ['runs that came to no end', grouped(stuck)],
  );
  const harmful = mutants.filter(({ harm }) => harm !== 'nothing');
  const summary =
    failures.length === 0
      ? pc.green('Nothing is lost, doubled or counted wrongly.')
      : failures
          .slice(0, SHOWN_FAILURES)
          .map((failure) => `seed ${String(failure.seed)}: ${describe(failure)}\n  ${again(failure.seed)}`)
          .join('\n');
  const caught = harmful.filter(isAsExpected).length;
  const verdict = `${String(caught)} of ${String(harmful.length)} mutants are caught.`;
  return `${figures.toString()}\n${describeMutants(mutants)}\n${summary}\n${caught === harmful.length ? pc.green(verdict) : pc.red(verdict)}\n`;
}

function describeMutants(mutants: readonly MutantReport[]): string {
  const table = new Table({
    head: ['mutant', 'breaks', 'caught in', 'lost', 'twice', 'miscounted', 'stuck', 'first seed'],
    style: { head: [], border: [] },
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right'],
  });
  for (const mutant of mutants) {
    const share = `${String(mutant.caught)} of ${String(mutant.runs)}`;
    table.push([
      mutant.name,
      mutant.harm === 'nothing' ? `${mutant.breaks} (does no harm)` : mutant.breaks,
      isAsExpected(mutant) ? share : pc.red(share),
      String(mutant.lost),
      String(mutant.duplicated),
      String(mutant.miscounted),
      String(mutant.stuck),
      mutant.firstSeed === undefined ? '' : String(mutant.firstSeed),
    ]);
  }
  return table.toString();
}

if (options.onlySeed === undefined) await runAll();
else await runOne(numberOf('--only-seed', options.onlySeed, 0, MAX_ONLY_SEED));
