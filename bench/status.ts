import { readOverviews } from '../cli/status/read-overviews.ts';
import { startEmptyCloud } from '../cloud/start-cloud.ts';
import { createDynamoDbClient } from '../shared/adapters/aws/clients.ts';
import { DynamoCountStore } from '../shared/adapters/aws/dynamo-count-store.ts';
import { DynamoFindingStore } from '../shared/adapters/aws/dynamo-finding-store.ts';
import { DynamoLedgerStore } from '../shared/adapters/aws/dynamo-ledger-store.ts';
import { DynamoPullControlStore } from '../shared/adapters/aws/dynamo-pull-control-store.ts';
import { systemClock } from '../shared/adapters/aws/system-clock.ts';
import { parseConfig } from '../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../shared/config/schema.ts';
import { forEachLimited } from '../shared/domain/for-each-limited.ts';
import { hourOf, NOTHING_SETTLED } from '../shared/domain/record-counts.ts';
import { createEngineTables } from './engine-tables.ts';
import { describeMachine, median, verdict } from './report.ts';

const SOURCES = 200;
const HOURS = 24;
const HOUR_MS = 3_600_000;
/** Instances of the push function that have counted in each hour. */
const PROCESSES = 2;
const ROUNDS = 3;
const MAX_STATUS_MS = 3_000;

/**
 * What `headgate status` takes for many sources with a day of records, on an embedded cloud.
 *
 * @returns whether it is as fast as it should be
 */
export async function benchStatus({ json }: { readonly json: boolean }): Promise<boolean> {
  const cloud = await startEmptyCloud({ mayUseRunning: false });
  const dynamodb = createDynamoDbClient({
    endpoint: cloud.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  try {
    const { ledger: table } = await createEngineTables(dynamodb);
    const stores = { dynamodb, table, clock: systemClock };
    const counts = new DynamoCountStore(stores);
    const ledger = new DynamoLedgerStore(stores);
    const names = Array.from({ length: SOURCES }, (_, i) => `source-${String(i)}`);
    const config = parseConfig({ sources: Object.fromEntries(names.map((name, i) => [name, declare(i)])) });
    const nowHour = hourOf(Date.now());
    await forEachLimited(names, 32, async (source) => {
      const hours = Array.from({ length: HOURS }, (_, i) => nowHour - i);
      for (const hour of hours) {
        for (let process = 0; process < PROCESSES; process++)
          await counts.accept(source, hour, `process-${String(process)}`, 500);
      }
      const settled = hours.map((hour) => ({ source, hour, ...NOTHING_SETTLED, landed: 1_000 }));
      const commit = { from: '1', to: '9', records: 1, keys: 1, settled };
      await ledger.commit(`lane/${source}`, 0, commit, 'bench');
    });
    const deps = {
      clock: systemClock,
      openPull: () =>
        Promise.resolve({
          ...{ counts, ledger, findings: new DynamoFindingStore(stores) },
          control: new DynamoPullControlStore({ dynamodb, table }),
          ...{ perform: unasked, start: unasked, tellOfAlarms: unasked, alarmsOf: unasked },
          newToken: () => 'bench',
          close: () => undefined,
        }),
      openSpend: unasked,
    };
    const took: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const startedAt = performance.now();
      const found = await readOverviews(deps, config, names, HOURS * HOUR_MS);
      took.push(performance.now() - startedAt);
      if (found.some(({ counts: { landed } }) => landed !== HOURS * 1_000))
        throw new Error('the counts are not what was counted');
    }
    const statusMs = Math.round(median(took));
    const isGood = statusMs <= MAX_STATUS_MS;
    const items = SOURCES * HOURS * (PROCESSES + 1);
    if (json) console.log(JSON.stringify({ sources: SOURCES, items, statusMs }));
    else {
      console.log(describeMachine());
      console.log(
        verdict(
          isGood,
          `status of ${String(SOURCES)} sources (${String(items)} counts): ${String(statusMs)} ms`,
        ),
      );
    }
    return isGood;
  } finally {
    dynamodb.destroy();
    await cloud.stop();
  }
}

const unasked = (): Promise<never> => Promise.reject(new Error('nobody asks for this'));

/** Every second source is pushed; the others are databases. */
function declare(i: number): HeadgateConfigInput['sources'][string] {
  const common = { freshness: '5 minutes', volume: { gbPerDay: 1 }, key: ['id'] };
  if (i % 2 === 0) {
    const schema = { type: 'object', properties: { id: { type: 'string' } } };
    return { ...common, type: 'push', contract: { schema } };
  }
  return {
    ...common,
    type: 'postgres',
    connection: { host: 'db.example.com', database: 'shop', user: 'reader', password: { parameter: '/db' } },
    table: 'items',
    columns: { id: 'bigint', at: 'timestamp' },
    incremental: { cursor: 'at' },
  };
}
