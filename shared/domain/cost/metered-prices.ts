import type { PriceName } from './prices.ts';

/** What functions cause while they run, and can count themselves. Everything else stands and waits, and is billed by time. */
export const METERED_PRICES = [
  'apiRequest',
  'lambdaRequest',
  'lambdaArmGbSecond',
  'kinesisPutUnit',
  'sqsRequest',
  'dynamoWriteUnit',
  'dynamoReadUnit',
  's3Put',
  's3Get',
  'schedulerInvocation',
  'cloudWatchLogGb',
  'kmsRequest',
] as const satisfies readonly PriceName[];

/** Amounts that a function has counted, by price. */
export type MeteredAmounts = Readonly<Partial<Record<(typeof METERED_PRICES)[number], number>>>;
