import Table from 'cli-table3';
import pc from 'picocolors';
import type { PollerCounts } from '../../cloud/event-source-poller/deliver-batch.ts';
import type { ProxyCounts } from '../../cloud/fault-proxy/fault-proxy.ts';
import type { SoakCheck } from './check.ts';
import type { MemorySample } from './process-memory.ts';
import type { OperatorReport } from './redrive.ts';

/** What a soak has sent, suffered and found. */
export interface SoakReport {
  readonly seed: number;
  readonly minutes: number;
  /** How long writers wrote. */
  readonly seconds: number;
  readonly sent: {
    /** Records that were accepted, each counted once. */
    readonly unique: number;
    /** The same, each as often as it was sent. */
    readonly copies: number;
    readonly late: number;
  };
  readonly repeated: {
    readonly requestsWithKey: number;
    readonly requestsWithoutKey: number;
    readonly records: number;
    /** Requests that were tried once more because their outcome was open. */
    readonly attempts: number;
  };
  readonly check: SoakCheck;
  readonly delivery: PollerCounts & {
    readonly parkedBatches: number;
    /** Failed invocations, those that were made to fail among them, by reason. */
    readonly reasons: Readonly<Record<string, number>>;
  };
  readonly store: ProxyCounts;
  readonly events: readonly { readonly atSeconds: number; readonly event: string }[];
  /** What each operator did in each redrive. */
  readonly redrives: readonly (readonly OperatorReport[])[];
  readonly memory: readonly MemorySample[];
}

const count = new Intl.NumberFormat('en-US');
const MEMORY_COLUMNS = 6;

const duplicatesOf = ({ sent, check }: SoakReport): number => sent.copies - check.landed - check.quarantined;

/** The report for people, as text. */
export function renderReport(report: SoakReport): string {
  const { check, sent, repeated, delivery, store } = report;
  const isWell = check.problems.length === 0;
  const facts: readonly (readonly [string, string])[] = [
    [
      'sent',
      `${count.format(sent.unique)} unique records, ${count.format(sent.late)} of them late; ${count.format(sent.copies)} with all copies`,
    ],
    [
      'repeated',
      `${count.format(repeated.requestsWithKey)} requests with Idempotency-Key, ${count.format(repeated.requestsWithoutKey)} without, ` +
        `${count.format(repeated.records)} single records, ${count.format(repeated.attempts)} attempts with an open outcome`,
    ],
    ['landed', count.format(check.landed)],
    ['duplicates', `${count.format(duplicatesOf(report))} copies did not land`],
    [
      'quarantined',
      `${count.format(check.quarantined)} (${showCounts(check.reasons)})${showRetransmitted(check)}`,
    ],
    ['lost', alarm(check.lost)],
    ['twice', alarm(check.twice)],
    [
      'latency',
      `p50 ${count.format(check.latencyMs.p50)} ms, p99 ${count.format(check.latencyMs.p99)} ms, longest ${count.format(check.latencyMs.max)} ms from receipt to lake, parked records included`,
    ],
    ['files', `${count.format(check.files)}, ${(check.parquetBytes / 1e6).toFixed(1)} MB`],
    [
      'deliveries',
      `${count.format(delivery.invocations)} invocations, ${count.format(delivery.failedInvocations)} failed (${showCounts(delivery.reasons)}), ${count.format(delivery.parkedBatches)} batches parked`,
    ],
    ['stores', `${count.format(store.requests)} calls; ${showCounts(store.faults)}`],
    ...report.redrives.map(
      (operators, i) =>
        [
          `redrive ${String(i + 1)}`,
          operators.length === 0 ? 'nothing is parked' : operators.map(showOperator).join('; '),
        ] as const,
    ),
  ];
  const events = new Table({ head: ['at', 'what happened'], style: { head: [], border: [] } });
  for (const { atSeconds, event } of report.events) events.push([`${String(atSeconds)} s`, event]);
  return [
    '',
    isWell
      ? pc.green(
          `✓ ${count.format(sent.unique)} records, nothing lost, nothing twice (seed ${String(report.seed)})`,
        )
      : pc.red(`✗ seed ${String(report.seed)}`),
    ...check.problems.map((problem) => pc.red(`  ${problem}`)),
    '',
    ...facts.map(([name, text]) => `  ${pc.bold(name.padEnd(12))} ${text}`),
    '',
    events.toString(),
    '',
    renderMemory(report.memory),
    '',
  ].join('\n');
}

function alarm(number: number): string {
  return number === 0 ? pc.green('0') : pc.red(count.format(number));
}

function showCounts(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, times]) => `${name} ${count.format(times)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

function showRetransmitted({ retransmitted }: SoakCheck): string {
  return retransmitted === 0
    ? ''
    : `, ${count.format(retransmitted)} once more because their request was sent again`;
}

function showOperator({ documents, landed, duplicates, alreadyDone }: OperatorReport): string {
  return (
    `${count.format(documents)} documents: ${count.format(landed)} records landed, ${count.format(duplicates)} duplicates, ` +
    `${count.format(alreadyDone)} stream records landed before`
  );
}

/** Memory at some times from the beginning to the end; a leak shows as a row that keeps growing. */
function renderMemory(samples: readonly MemorySample[]): string {
  const shown = Array.from(
    { length: MEMORY_COLUMNS },
    (_, i) => samples[Math.round((i * (samples.length - 1)) / (MEMORY_COLUMNS - 1))],
  ).filter((sample) => sample !== undefined);
  const table = new Table({
    head: ['MB resident', ...shown.map(({ atMs }) => `${String(Math.round(atMs / 1000))} s`)],
    style: { head: [], border: [] },
    colAligns: ['left', ...shown.map(() => 'right' as const)],
  });
  const mb = (megabytes: number): string => count.format(Math.round(megabytes));
  table.push(
    ['this process', ...shown.map(({ soak }) => mb(soak))],
    ['emulator', ...shown.map(({ emulator }) => mb(emulator))],
    ['functions', ...shown.map(({ functions, workers }) => `${mb(functions)} in ${String(workers)}`)],
  );
  return table.toString();
}

/** The report as one JSON object, for scripts. */
export function toJson(report: SoakReport): unknown {
  const { check, memory, ...rest } = report;
  const { problems, ...figures } = check;
  return {
    ...rest,
    ...figures,
    duplicates: duplicatesOf(report),
    problems,
    memoryMb: memory.map(({ atMs, soak, emulator, functions, workers }) => ({
      atSeconds: Math.round(atMs / 1000),
      soak: Math.round(soak),
      emulator: Math.round(emulator),
      functions: Math.round(functions),
      workers,
    })),
  };
}
