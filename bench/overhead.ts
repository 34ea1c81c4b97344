import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Table from 'cli-table3';
import color from 'picocolors';
import { startEmptyCloud } from '../cloud/start-cloud.ts';
import { writeFrameFile } from './frame-file.ts';
import { ask, endMeasuring, startMeasuring } from './measuring-process.ts';
import type { CaseInput, CaseOutput } from './overhead-case.ts';
import { describeMachine, median, rounded, verdict } from './report.ts';

const BATCH = 5_000;
const BATCHES = 8;
/** Shards that claim in one bucket. */
const SHARDS = [1, 8] as const;
const WARM_UP_ROUNDS = 3;
/** What must hold. */
const MAX_RATIO = 1.25;

/** The figures of one number of shards. */
interface OverheadCase {
  readonly shards: number;
  readonly batch: number;
  /** CPU time of a batch: decoding and Parquet alone. */
  readonly plainMs: number;
  /** CPU time of a batch with claims and ledger in DynamoDB. */
  readonly fullMs: number;
  /** Median over the rounds of full / plain. */
  readonly cpuRatio: number;
}

export interface OverheadBenchOptions {
  readonly json: boolean;
  /** Measurements per figure, at least 1. */
  readonly rounds: number;
}

function toTable(cases: readonly OverheadCase[]): string {
  const table = new Table({
    head: ['shards', 'batch', 'decode + Parquet, ms', 'with claims and ledger, ms', 'ratio', 'target'],
    colAligns: ['right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { shards, batch, plainMs, fullMs, cpuRatio } of cases) {
    table.push([
      shards,
      batch.toLocaleString('en-US'),
      plainMs.toFixed(1),
      fullMs.toFixed(1),
      verdict(cpuRatio <= MAX_RATIO, cpuRatio.toFixed(2)),
      `≤ ${String(MAX_RATIO)}`,
    ]);
  }
  return table.toString();
}

/**
 * Measures what claims and ledger add to the CPU time of a batch: the engine with its DynamoDB adapters against an
 * embedded cloud, beside the engine whose records claim nothing and whose ledger is in memory. Both read frames and
 * write Parquet; the lake is in memory. Prints a table, or one JSON object `{"cases": [...]}`.
 *
 * @returns whether the target was met
 */
export async function benchOverhead({ json, rounds }: OverheadBenchOptions): Promise<boolean> {
  const tell = (message: string): void => void process.stderr.write(color.dim(`${message}\n`));
  const directory = mkdtempSync(join(tmpdir(), 'headgate-bench-'));
  const cloud = await startEmptyCloud({ mayUseRunning: false, ...(!json && { onProgress: tell }) });
  try {
    const framesPath = writeFrameFile(directory, BATCH * BATCHES);
    const start = (input: Partial<CaseInput>) =>
      startMeasuring('overhead-case.ts', { framesPath, batch: BATCH, shards: 1, ...input });
    const plain = start({});
    const full = SHARDS.map((shards) => start({ shards, endpoint: cloud.endpoint }));
    const plainMs: number[] = [];
    const fullMs = SHARDS.map((): number[] => []);
    try {
      for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
        if (!json) tell(round < 0 ? 'warming up …' : `round ${String(round + 1)} of ${String(rounds)} …`);
        const { cpuMs } = await ask<CaseOutput>(plain);
        if (round >= 0) plainMs.push(cpuMs / BATCHES);
        for (const [at, child] of full.entries()) {
          const output = await ask<CaseOutput>(child);
          if (round >= 0) fullMs[at]?.push(output.cpuMs / BATCHES);
        }
      }
    } finally {
      endMeasuring([plain, ...full]);
    }
    const cases = SHARDS.map((shards, at): OverheadCase => {
      const ofShards = fullMs[at] ?? [];
      return {
        shards,
        batch: BATCH,
        plainMs: rounded(median(plainMs), 1),
        fullMs: rounded(median(ofShards), 1),
        cpuRatio: rounded(median(ofShards.map((ms, round) => ms / (plainMs[round] ?? Number.NaN))), 3),
      };
    });
    if (json) {
      console.log(JSON.stringify({ cases }));
    } else {
      console.log('\nCPU time of a batch, ms (medians), and the median of the ratios of each round');
      console.log(`${describeMachine()}\n`);
      console.log(toTable(cases));
    }
    return cases.every(({ cpuRatio }) => cpuRatio <= MAX_RATIO);
  } finally {
    await cloud.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}
