import Table from 'cli-table3';
import { SHOWN_DESIGNS } from '../docs/cost-designs.ts';
import { quoteTool } from '../shared/domain/cost/other-tools.ts';
import { SECONDS_PER_MONTH } from '../shared/domain/cost/metering.ts';
import { priceUsage } from '../shared/domain/cost/price-usage.ts';
import type { PriceName } from '../shared/domain/cost/prices.ts';
import { amountsOf } from '../shared/domain/cost/usage.ts';
import { createProgress } from '../demo/progress.ts';
import { rawBytesOf, scaleMeasurement } from './cost/scale-measurement.ts';
import { runWorkloads, type Measurement } from './cost/run-workloads.ts';
import { GB_PER_DAY, TIERS, type Tier, type WorkloadName } from './cost/tiers.ts';
import { describeMachine, rounded, verdict } from './report.ts';

/** Model and meter may differ by so much of the meter. */
const MAX_DIFFERENCE = 0.2;
/** More digits than the figures are good for, so that small differences are seen. */
const USD_DIGITS = 6;

/** What a class of freshness costs, in $/GB at 100 GB a day. */
interface TierCost {
  readonly freshness: string;
  readonly design: string;
  readonly modelUsdPerGb: number;
  readonly meterUsdPerGb: number;
  readonly seedRange: readonly [low: number, high: number];
  readonly firehoseUsdPerGb: number;
}

interface MeasuredTier {
  readonly cost: TierCost;
  /** What differs, and by how much: amounts for each GB. */
  readonly amounts: readonly { readonly price: PriceName; readonly model: number; readonly meter: number }[];
  readonly rawMb: number;
  /** As it would be on the model's core. */
  readonly cpuMsPerMb: number;
  readonly machineSpeed: number;
}

/**
 * Runs a workload of each class of freshness on the embedded cloud, meters it, and holds the model against it.
 *
 * @returns whether they agree on every class
 */
export async function benchCost({
  json,
  workloads,
}: {
  readonly json: boolean;
  /** What is run. */
  readonly workloads: readonly WorkloadName[];
}): Promise<boolean> {
  const phase = createProgress(process.stderr).start('Running a workload of each class of freshness');
  let measured: ReadonlyMap<string, Measurement>;
  try {
    measured = await runWorkloads(workloads, (message) => {
      phase.update(message);
    });
    phase.done();
  } catch (error) {
    phase.fail();
    throw error;
  }
  const tiers = TIERS.flatMap((tier) => {
    const measurement = measured.get(tier.workload);
    return measurement === undefined ? [] : [toCost(tier, measurement)];
  });
  if (json) {
    process.stdout.write(`${JSON.stringify({ tiers: tiers.map(({ cost }) => cost) })}
`);
  } else process.stdout.write(`${toText(tiers)}\n`);
  return tiers.every(({ cost }) => agrees(cost.modelUsdPerGb, cost.meterUsdPerGb));
}

/** Three digits. */
const showAmount = (amount: number): string => String(Number(amount.toPrecision(3)));

function agrees(model: number, meter: number): boolean {
  return Math.abs(model - meter) <= MAX_DIFFERENCE * meter;
}

function toCost({ freshness, design: name, seedRange }: Tier, measurement: Measurement): MeasuredTier {
  const { workload, design, usage: modelled } = SHOWN_DESIGNS[name].at(GB_PER_DAY);
  const runsPerMonth = 'everyMinutes' in design ? SECONDS_PER_MONTH / 60 / design.everyMinutes : 0;
  const metered = scaleMeasurement(measurement, workload, modelled, runsPerMonth);
  const gb = workload.rawBytesPerMonth / 1e9;
  const [model, meter] = [priceUsage(modelled), priceUsage(metered)];
  const prices = new Set([...amountsOf(modelled), ...amountsOf(metered)].map(([price]) => price));
  const rawMb = rawBytesOf(measurement.full) / 1e6;
  const cpuMs = measurement.full.reduce((sum, lane) => sum + (lane.cpuMs ?? 0), 0);
  return {
    cost: {
      freshness,
      design: SHOWN_DESIGNS[name].name,
      modelUsdPerGb: rounded(model.usd / gb, USD_DIGITS),
      meterUsdPerGb: rounded(meter.usd / gb, USD_DIGITS),
      seedRange,
      firehoseUsdPerGb: rounded(quoteTool('firehosePacked', workload).usdPerGb, USD_DIGITS),
    },
    amounts: [...prices].map((price) => ({
      price,
      model: (modelled[price] ?? 0) / gb,
      meter: (metered[price] ?? 0) / gb,
    })),
    rawMb,
    cpuMsPerMb: (cpuMs * measurement.machineSpeed) / rawMb,
    machineSpeed: measurement.machineSpeed,
  };
}

function toText(tiers: readonly MeasuredTier[]): string {
  const table = new Table({
    head: ['freshness', 'design', 'model', 'meter', 'difference', "framework's range", 'packed Firehose'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const { cost } of tiers) {
    const { freshness, design, modelUsdPerGb: model, meterUsdPerGb: meter } = cost;
    const difference = `${String(Math.round((model / meter - 1) * 100))} %`;
    table.push([
      freshness,
      design,
      model.toFixed(5),
      meter.toFixed(5),
      verdict(agrees(model, meter), difference),
      cost.seedRange.join(' to '),
      cost.firehoseUsdPerGb.toFixed(3),
    ]);
  }
  const details = tiers.flatMap(({ cost: { freshness }, amounts, rawMb, cpuMsPerMb, machineSpeed }) => [
    `${freshness}: ${rawMb.toFixed(0)} MB of raw JSON, ${cpuMsPerMb.toFixed(1)} ms of CPU time per MB (machine at ${String(Math.round(machineSpeed * 100))} %); amounts for each GB, model and meter:`,
    `  ${amounts
      .filter(({ model, meter }) => model !== meter)
      .map(({ price, model, meter }) => `${price} ${showAmount(model)} ${showAmount(meter)}`)
      .join(', ')}`,
  ]);
  return [
    `$/GB at ${String(GB_PER_DAY)} GB a day; 1 GB is 1e9 bytes of raw JSON`,
    table.toString(),
    ...details,
    'Metered: requests, bytes, capacity units, log lines and the CPU time of the functions, by the functions themselves.',
    'CPU time is that of the core of docs/benchmarks.md, by JSON.parse of the same events here and there, and billed at half its',
    'speed (a vCPU of Lambda, assumed); waiting for stores is added as the model assumes it;',
    'shards, stored claims, metrics and alarms are the model’s.',
    describeMachine(),
  ].join('\n');
}
