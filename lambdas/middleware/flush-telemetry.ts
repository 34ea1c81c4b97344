import type { MiddlewareObj } from '@middy/core';
import { dispositionOf, HeadgateError } from '../../shared/domain/errors.ts';
import type { MeteredAmounts } from '../../shared/domain/cost/metered-prices.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';

/**
 * Writes the metrics of an invocation out at its end, whether it succeeded or not, and logs why it failed: the error's
 * code and message, never a record.
 *
 * @param usageOf what is billed for an event beside the invocation itself
 * @param budgets are told afterwards what it cost; absent where nobody watches them
 */
export function flushTelemetry<Event, Result>(
  telemetry: Telemetry,
  usageOf: (event: Event) => MeteredAmounts,
  budgets?: Pick<Budgets, 'settle'>,
): MiddlewareObj<Event, Result> {
  return {
    before: ({ event, context }) => {
      telemetry.begin({ memoryMiB: Number(context.memoryLimitInMB), usage: usageOf(event) });
    },
    after: async () => {
      telemetry.flush();
      await budgets?.settle();
    },
    onError: async ({ error, context }) => {
      telemetry.log('error', error?.message ?? 'unknown error', {
        code: error instanceof HeadgateError ? error.code : (error?.name ?? 'UNKNOWN'),
        disposition: dispositionOf(error),
        requestId: context.awsRequestId,
        stack: error?.stack,
      });
      telemetry.flush();
      await budgets?.settle();
    },
  };
}
