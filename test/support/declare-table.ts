import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { defineConfig } from '../../shared/config/define-config.ts';
import type { DatabaseSourceConfig, HeadgateConfigInput } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

type TableSourceInput = Extract<HeadgateConfigInput['sources'][string], { type: 'postgres' }>;

/** The source `orders` of type `postgres`: rows with an id, a time of change and a text. */
export function declareOrders(overrides: Partial<TableSourceInput> = {}): Source<DatabaseSourceConfig> {
  const config = defineConfig({
    sources: {
      orders: {
        type: 'postgres',
        freshness: '1 day',
        volume: { gbPerDay: 1 },
        key: ['id'],
        partition: 'day',
        table: 'public.orders',
        columns: { id: 'bigint', at: 'timestamp', body: 'text' },
        connection: {
          host: 'db.example.com',
          database: 'shop',
          user: 'headgate',
          password: { parameter: '/headgate/db' },
        },
        ...overrides,
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('orders');
  if (source?.config.type !== 'postgres') throw new Error('orders is a postgres source');
  return source as Source<DatabaseSourceConfig>;
}

/** The same with other columns, no key, and partitions of hours. */
export function declareTable(
  columns: TableSourceInput['columns'],
  overrides: Partial<TableSourceInput> = {},
): Source<DatabaseSourceConfig> {
  return declareOrders({ columns, key: [], partition: 'hour', ...overrides });
}
