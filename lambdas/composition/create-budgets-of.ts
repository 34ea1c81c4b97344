import { createDynamoDbClient } from '../../shared/adapters/aws/clients.ts';
import { DynamoSpendStore } from '../../shared/adapters/aws/dynamo-spend-store.ts';
import type { UsageMeter } from '../../shared/adapters/aws/usage-meter.ts';
import { planMonthlyCaps } from '../../shared/config/plan/monthly-caps.ts';
import type { HeadgateConfig } from '../../shared/config/schema.ts';
import { QUOTA_TIMEOUTS } from '../../shared/domain/backoff.ts';
import { createBudgets, type Budgets } from '../../shared/pipeline/budget/create-budgets.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { Telemetry } from '../../shared/ports/telemetry.ts';

/** The monthly budgets of a deployment on AWS. */
export function createBudgetsOf(
  config: HeadgateConfig,
  table: string,
  {
    clock,
    telemetry,
    meter,
  }: { readonly clock: Clock; readonly telemetry: Telemetry; readonly meter: UsageMeter },
): Budgets {
  // Additions must not be repeated, and budgets are no reason to keep anybody waiting: one short attempt.
  const dynamodb = createDynamoDbClient({ meter, timeouts: QUOTA_TIMEOUTS });
  return createBudgets({
    store: new DynamoSpendStore({ dynamodb, table }),
    clock,
    telemetry,
    caps: planMonthlyCaps(config),
  });
}
