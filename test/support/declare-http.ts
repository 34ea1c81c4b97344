import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { defineConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput, HttpSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

export type HttpSourceInput = Extract<HeadgateConfigInput['sources'][string], { type: 'http' }>;

/** The source `items` of type `http`: records with an id, a version, a time in ms and a text. */
export function declareHttp(overrides: Partial<HttpSourceInput> = {}): Source<HttpSourceConfig> {
  const config = defineConfig({
    sources: {
      items: {
        type: 'http',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        key: ['id', 'version'],
        eventTime: { path: 'ts', format: 'epoch-milliseconds' },
        partition: 'day',
        contract: {
          schema: {
            type: 'object',
            required: ['id', 'version', 'ts', 'body'],
            properties: {
              id: { type: 'integer' },
              version: { type: 'integer' },
              ts: { type: 'integer' },
              body: { type: 'string' },
            },
          },
        },
        url: 'https://api.example.com/items',
        ...overrides,
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('items');
  if (source?.config.type !== 'http') throw new Error('items is an http source');
  return source as Source<HttpSourceConfig>;
}
