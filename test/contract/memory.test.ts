import { describe } from 'vitest';
import { seededFaults } from '../../shared/adapters/faults/fault-plan.ts';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryAuditLog } from '../../shared/adapters/memory/memory-audit-log.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryCostHistory } from '../../shared/adapters/memory/memory-cost-history.ts';
import { MemoryFileStage } from '../../shared/adapters/memory/memory-file-stage.ts';
import { MemoryFindingStore } from '../../shared/adapters/memory/memory-finding-store.ts';
import { MemoryFrameBus } from '../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryLandingZone } from '../../shared/adapters/memory/memory-landing-zone.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryPollSchedule } from '../../shared/adapters/memory/memory-poll-schedule.ts';
import { MemoryPullControlStore } from '../../shared/adapters/memory/memory-pull-control-store.ts';
import { MemoryQuarantineReader } from '../../shared/adapters/memory/memory-quarantine-reader.ts';
import { MemoryQuotaStore } from '../../shared/adapters/memory/memory-quota-store.ts';
import { MemoryRequestStore } from '../../shared/adapters/memory/memory-request-store.ts';
import { MemorySpendStore } from '../../shared/adapters/memory/memory-spend-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { MemoryTokenStore } from '../../shared/adapters/memory/memory-token-store.ts';
import { MemoryWorkQueue } from '../../shared/adapters/memory/memory-work-queue.ts';
import { MemoryWriteKeyStore } from '../../shared/adapters/memory/memory-write-key-store.ts';
import { faultTurn } from '../../shared/adapters/memory/fault-turn.ts';
import type { Turn } from '../../shared/adapters/memory/turn.ts';
import { lineTableWriter, readQuarantineLines } from '../support/line-table-writer.ts';
import { auditLogContract } from './audit-log.suite.ts';
import { batchStageContract } from './batch-stage.suite.ts';
import { claimLogContract } from './claim-log.suite.ts';
import { clockContract } from './clock.suite.ts';
import { costHistoryContract } from './cost-history.suite.ts';
import { countStoreContract, type CountedLedger } from './count-store.suite.ts';
import { fileStageContract } from './file-stage.suite.ts';
import { findingStoreContract } from './finding-store.suite.ts';
import { frameBusContract } from './frame-bus.suite.ts';
import { lakeContract } from './lake.suite.ts';
import { landingZoneContract } from './landing-zone.suite.ts';
import { ledgerStoreContract } from './ledger-store.suite.ts';
import { pollScheduleContract } from './poll-schedule.suite.ts';
import { pullControlStoreContract } from './pull-control-store.suite.ts';
import { quarantineReaderContract } from './quarantine-reader.suite.ts';
import { parameterStoreContract } from './parameter-store.suite.ts';
import { quotaStoreContract } from './quota-store.suite.ts';
import { spendStoreContract } from './spend-store.suite.ts';
import { requestStoreContract } from './request-store.suite.ts';
import { telemetryContract } from './telemetry.suite.ts';
import { tokenStoreContract } from './token-store.suite.ts';
import { workQueueContract, type QueueUnderTest } from './work-queue.suite.ts';
import { writeKeyStoreContract } from './write-key-store.suite.ts';

const noWait = (): Promise<void> => Promise.resolve();

/** Every call has its effect, loses its first answer and is repeated; others may come in between. */
const losingAnswers = (): Turn =>
  faultTurn({ onAttempt: ({ attempt }) => (attempt === 1 ? { kind: 'reset-after' } : undefined) }, noWait);

/** Every second attempt is refused, breaks before its effect or comes late, until the fourth. */
function passingFaults(): Turn {
  const plan = seededFaults(20_260_101, {
    delay: 0.1,
    throttle: 0.1,
    'server-error': 0.1,
    conflict: 0.1,
    'reset-before': 0.1,
  });
  return faultTurn(
    { onAttempt: (attempt) => (attempt.attempt < 4 ? plan.onAttempt(attempt) : undefined) },
    noWait,
  );
}

describe.each([
  ['memory', (): undefined => undefined],
  ['memory under faults that pass', passingFaults],
] as const)('%s', (_, newTurn) => {
  ledgerStoreContract({
    open: () => new MemoryLedgerStore({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryLedgerStore({ turn: losingAnswers() }),
  });
  const counted = (turn: Turn | undefined): CountedLedger => {
    const ledger = new MemoryLedgerStore({ turn });
    return { ledger, counts: ledger.counts };
  };
  countStoreContract({
    open: () => counted(newTurn()),
    openLosingAnswers: () => counted(losingAnswers()),
  });
  findingStoreContract({
    open: () => new MemoryFindingStore({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryFindingStore({ turn: losingAnswers() }),
  });
  costHistoryContract({
    open: () => new MemoryCostHistory({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryCostHistory({ turn: losingAnswers() }),
  });
  claimLogContract({
    open: () => new MemoryClaimLog({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryClaimLog({ turn: losingAnswers() }),
  });
  auditLogContract({
    open: () => new MemoryAuditLog({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryAuditLog({ turn: losingAnswers() }),
  });
  pullControlStoreContract({
    open: () => new MemoryPullControlStore({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryPullControlStore({ turn: losingAnswers() }),
  });
  quotaStoreContract({ open: () => new MemoryQuotaStore({ turn: newTurn() }) });
  spendStoreContract({ open: () => new MemorySpendStore({ turn: newTurn() }) });
  requestStoreContract({
    open: () => new MemoryRequestStore({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryRequestStore({ turn: losingAnswers() }),
  });
  writeKeyStoreContract({
    open: () => new MemoryWriteKeyStore({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryWriteKeyStore({ turn: losingAnswers() }),
  });
  tokenStoreContract({
    open: () => new MemoryTokenStore({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryTokenStore({ turn: losingAnswers() }),
  });

  quarantineReaderContract({
    open: () => {
      const lake = new MemoryLake();
      const reader = new MemoryQuarantineReader({ lake, readRows: readQuarantineLines });
      return { reader, lake, tables: lineTableWriter() };
    },
  });

  batchStageContract({
    open: () => new MemoryBatchStage({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryBatchStage({ turn: losingAnswers() }),
  });

  fileStageContract({
    open: () => new MemoryFileStage({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryFileStage({ turn: losingAnswers() }),
  });

  const schedule = new MemoryPollSchedule();
  pollScheduleContract({
    open: () => schedule,
    deploy: (source, everyMinutes) => {
      schedule.deploy(source, everyMinutes);
      return Promise.resolve();
    },
  });

  workQueueContract({
    open: () => Promise.resolve(queueOf(newTurn())),
    openLosingAnswers: () => Promise.resolve(queueOf(losingAnswers())),
  });

  let lake = new MemoryLake();
  lakeContract({
    open: () => (lake = new MemoryLake({ turn: newTurn() })),
    openLosingAnswers: () => (lake = new MemoryLake({ turn: losingAnswers() })),
    peek: (key) => Promise.resolve(lake.peek(key)),
  });

  let bus = new MemoryFrameBus();
  frameBusContract({
    open: () => (bus = new MemoryFrameBus({ shards: 3, turn: newTurn() })),
    openLosingAnswers: () => (bus = new MemoryFrameBus({ turn: losingAnswers() })),
    stored: (keys) => Promise.resolve(bus.frames().filter(({ partitionKey }) => keys.has(partitionKey))),
  });

  landingZoneContract({
    open: () => new MemoryLandingZone({ turn: newTurn() }),
    openLosingAnswers: () => new MemoryLandingZone({ turn: losingAnswers() }),
  });

  let parameters = new MemoryParameterStore();
  parameterStoreContract({
    open: () => (parameters = new MemoryParameterStore({ turn: newTurn() })),
    openLosingAnswers: () => (parameters = new MemoryParameterStore({ turn: losingAnswers() })),
    set: (name, value) => {
      parameters.set(name, value);
      return Promise.resolve();
    },
  });
});

describe('memory', () => {
  clockContract({ open: () => new ManualClock({ jump: true }) });
  telemetryContract({
    open: () => {
      const telemetry = new MemoryTelemetry();
      return {
        telemetry,
        total: (metric, source) => telemetry.total(metric, source),
        distribution: (metric, source) => {
          const times = new Map<number, number>();
          for (const entry of telemetry.values(metric, source)) {
            times.set(entry.value, (times.get(entry.value) ?? 0) + entry.times);
          }
          return times;
        },
        logs: () => telemetry.logs,
      };
    },
  });
});

function queueOf(turn: Turn | undefined): QueueUnderTest {
  const clock = new ManualClock();
  const queue = new MemoryWorkQueue({ clock, turn });
  return {
    queue,
    receive: () => Promise.resolve(queue.receive()),
    done: (receipt) => {
      queue.delete(receipt);
      return Promise.resolve();
    },
    pass: (seconds) => {
      clock.advance(seconds * 1000);
      return Promise.resolve();
    },
  };
}
