import { describe } from 'vitest';
import { seededFaults } from '../../shared/adapters/faults/fault-plan.ts';
import { faultTurn, refuseByPlan } from '../../shared/adapters/memory/fault-turn.ts';
import { MemoryFrameBus } from '../../shared/adapters/memory/memory-frame-bus.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { SpillBus } from '../../shared/pipeline/spill-bus.ts';
import { frameBusContract } from './frame-bus.suite.ts';

const losingAnswers = faultTurn(
  { onAttempt: ({ attempt }) => (attempt === 1 ? { kind: 'reset-after' } : undefined) },
  () => Promise.resolve(),
);
/** Whether the stream refuses some of the frames, and whether its consumer is behind. */
const CASES = [
  ['that never overflows', false, false],
  ['whose stream refuses some frames', true, false],
  ['that sheds', false, true],
] as const;

describe.each(CASES)('spill bus %s', (_, refuses, sheds) => {
  const plan = seededFaults(4_711, { partial: 1 });
  let buses: readonly MemoryFrameBus[] = [];
  const open = (options: ConstructorParameters<typeof MemoryFrameBus>[0]): SpillBus => {
    const stream = new MemoryFrameBus({ ...options, ...(refuses && { refuse: refuseByPlan(plan) }) });
    const landing = new MemoryFrameBus({ ...options, stream: 'landing' });
    buses = [stream, landing];
    return new SpillBus({
      stream,
      landing,
      isShedding: () => sheds,
      source: 'orders',
      telemetry: new MemoryTelemetry(),
    });
  };
  frameBusContract({
    open: () => open({ shards: 3 }),
    openLosingAnswers: () => open({ turn: losingAnswers }),
    stored: (keys) =>
      Promise.resolve(
        buses.flatMap((bus) => bus.frames().filter(({ partitionKey }) => keys.has(partitionKey))),
      ),
  });
});
