import { DEFAULT_RETRY_POLICY } from '../../domain/backoff.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import type { OutgoingFrame } from '../../ports/frame-bus.ts';
import type { FaultPlan } from '../faults/fault-plan.ts';
import type { StoreCall, Turn } from './turn.ts';

/**
 * Puts the faults of a plan under a memory store, as they come through an adapter of AWS: a passing failure is repeated
 * without the caller's knowledge, five attempts in all, after which it is a TransientError; after a lost answer the
 * same request is made again; denied access is a BlockedError at once.
 *
 * @param sleep waits for the given ms: the store's clock
 */
export function faultTurn(plan: FaultPlan, sleep: (ms: number) => Promise<void>): Turn {
  const { maxAttempts } = DEFAULT_RETRY_POLICY;
  const attempts = new WeakMap<StoreCall, number>();
  const losing = new WeakSet<StoreCall>();
  return {
    before: async (call) => {
      for (;;) {
        const attempt = (attempts.get(call) ?? 0) + 1;
        attempts.set(call, attempt);
        const fault = plan.onAttempt?.({ operation: call.operation, attempt });
        switch (fault?.kind) {
          case undefined:
            return;
          case 'delay':
            await sleep(fault.ms);
            return;
          case 'reset-after':
            losing.add(call);
            return;
          case 'access-denied':
            throw new BlockedError('ACCESS_DENIED', `${nameOf(call)} was denied (injected)`);
          case 'throttle':
          case 'server-error':
          case 'conflict':
          case 'reset-before':
            if (attempt >= maxAttempts) throw unavailable(call);
        }
      }
    },
    after: async (call) => {
      // Others may act between the effect and the repetition.
      await Promise.resolve();
      if (!losing.delete(call)) return undefined;
      if ((attempts.get(call) ?? 0) >= maxAttempts) throw unavailable(call);
      return 'repeat';
    },
  };
}

/** What a memory bus refuses by a plan: single frames, as Kinesis refuses single entries. */
export function refuseByPlan(plan: FaultPlan): (frame: OutgoingFrame) => string | undefined {
  return () => ((plan.failEntries?.(1).length ?? 0) > 0 ? 'the stream is throttled (injected)' : undefined);
}

function unavailable(call: StoreCall): TransientError {
  return new TransientError('AWS_UNAVAILABLE', `${nameOf(call)} failed (injected): repeat it later`);
}

const nameOf = ({ port, operation, subject }: StoreCall): string => `${operation} on ${port} ${subject}`;
