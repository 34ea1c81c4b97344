import { describe } from 'vitest';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryBatchStage } from '../../shared/adapters/memory/memory-batch-stage.ts';
import { MemoryClaimLog } from '../../shared/adapters/memory/memory-claim-log.ts';
import { MemoryFrameBus } from '../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryLake } from '../../shared/adapters/memory/memory-lake.ts';
import { MemoryLedgerStore } from '../../shared/adapters/memory/memory-ledger-store.ts';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryRequestStore } from '../../shared/adapters/memory/memory-request-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { MemoryWriteKeyStore } from '../../shared/adapters/memory/memory-write-key-store.ts';
import type { StoreCall, Turn } from '../../shared/adapters/memory/turn.ts';
import { batchStageContract } from './batch-stage.suite.ts';
import { claimLogContract } from './claim-log.suite.ts';
import { clockContract } from './clock.suite.ts';
import { frameBusContract } from './frame-bus.suite.ts';
import { lakeContract } from './lake.suite.ts';
import { ledgerStoreContract } from './ledger-store.suite.ts';
import { parameterStoreContract } from './parameter-store.suite.ts';
import { requestStoreContract } from './request-store.suite.ts';
import { telemetryContract } from './telemetry.suite.ts';
import { writeKeyStoreContract } from './write-key-store.suite.ts';

/** Every call has its effect, loses its answer and is repeated, once; others may come in between. */
function losingAnswers(): Turn {
  const repeated = new WeakSet<StoreCall>();
  return {
    after: async (call) => {
      await Promise.resolve();
      if (repeated.has(call)) return undefined;
      repeated.add(call);
      return 'repeat';
    },
  };
}

describe('memory', () => {
  ledgerStoreContract({
    open: () => new MemoryLedgerStore(),
    openLosingAnswers: () => new MemoryLedgerStore({ turn: losingAnswers() }),
  });
  claimLogContract({
    open: () => new MemoryClaimLog(),
    openLosingAnswers: () => new MemoryClaimLog({ turn: losingAnswers() }),
  });
  requestStoreContract({
    open: () => new MemoryRequestStore(),
    openLosingAnswers: () => new MemoryRequestStore({ turn: losingAnswers() }),
  });
  writeKeyStoreContract({
    open: () => new MemoryWriteKeyStore(),
    openLosingAnswers: () => new MemoryWriteKeyStore({ turn: losingAnswers() }),
  });

  batchStageContract({
    open: () => new MemoryBatchStage(),
    openLosingAnswers: () => new MemoryBatchStage({ turn: losingAnswers() }),
  });

  let lake = new MemoryLake();
  lakeContract({
    open: () => (lake = new MemoryLake()),
    openLosingAnswers: () => (lake = new MemoryLake({ turn: losingAnswers() })),
    peek: (key) => Promise.resolve(lake.peek(key)),
  });

  let bus = new MemoryFrameBus();
  frameBusContract({
    open: () => (bus = new MemoryFrameBus({ shards: 3 })),
    openLosingAnswers: () => (bus = new MemoryFrameBus({ turn: losingAnswers() })),
    stored: (keys) => Promise.resolve(bus.frames().filter(({ partitionKey }) => keys.has(partitionKey))),
  });

  let parameters = new MemoryParameterStore();
  parameterStoreContract({
    open: () => (parameters = new MemoryParameterStore()),
    openLosingAnswers: () => (parameters = new MemoryParameterStore({ turn: losingAnswers() })),
    set: (name, value) => {
      parameters.set(name, value);
      return Promise.resolve();
    },
  });

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
