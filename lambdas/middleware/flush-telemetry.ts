import type { MiddlewareObj } from '@middy/core';
import type { Context } from 'aws-lambda';
import { dispositionOf, HeadgateError } from '../../shared/domain/errors.ts';
import type { MeteredAmounts } from '../../shared/domain/cost/metered-prices.ts';
import type { Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';

export interface FlushOptions<Event> {
  /** What is billed for an event beside the invocation itself. */
  readonly usageOf: (event: Event) => MeteredAmounts;
  /** What an event is known by, beside the id of the invocation: in each of its log lines. */
  readonly idsOf?: (event: Event, context: Context) => object;
  /** What an event brought: in the line that says why it failed. */
  readonly describe?: (event: Event) => object;
  /** Are told afterwards what it cost; absent where nobody watches them. */
  readonly budgets?: Pick<Budgets, 'settle'> | undefined;
}

/**
 * Writes the metrics of an invocation out at its end, whether it succeeded or not, and logs why it failed: the error's
 * code and message, never a record. All of its log lines have its id.
 */
export function flushTelemetry<Event, Result>(
  telemetry: Telemetry,
  { usageOf, idsOf, describe, budgets }: FlushOptions<Event>,
): MiddlewareObj<Event, Result> {
  return {
    before: ({ event, context }) => {
      const ids = { invocationId: context.awsRequestId, ...idsOf?.(event, context) };
      telemetry.begin({ memoryMiB: Number(context.memoryLimitInMB), usage: usageOf(event), ids });
    },
    after: async () => {
      telemetry.flush();
      await budgets?.settle();
    },
    onError: async ({ error, event }) => {
      telemetry.log('error', error?.message ?? 'unknown error', {
        code: error instanceof HeadgateError ? error.code : (error?.name ?? 'UNKNOWN'),
        disposition: dispositionOf(error),
        ...describe?.(event),
        stack: error?.stack,
      });
      telemetry.flush();
      await budgets?.settle();
    },
  };
}
