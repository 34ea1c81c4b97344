import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { defineConfig } from '../../shared/config/define-config.ts';
import type { FilesSourceConfig, HeadgateConfigInput } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

export type FilesSourceInput = Extract<HeadgateConfigInput['sources'][string], { type: 'files' }>;

/** The source `items` of type `files`: records with an id, a text and perhaps an amount. */
export function declareFiles(overrides: Partial<FilesSourceInput> = {}): Source<FilesSourceConfig> {
  const config = defineConfig({
    sources: {
      items: {
        type: 'files',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        partition: 'day',
        contract: {
          schema: {
            type: 'object',
            required: ['id', 'body'],
            properties: {
              id: { type: 'integer' },
              body: { type: 'string' },
              amount: { type: ['number', 'null'] },
            },
          },
        },
        location: 's3://inbox/items/',
        format: { type: 'ndjson' },
        ...overrides,
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('items');
  if (source?.config.type !== 'files') throw new Error('items is a files source');
  return source as Source<FilesSourceConfig>;
}
