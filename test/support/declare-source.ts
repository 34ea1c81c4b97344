import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

type SourceInput = Extract<HeadgateConfigInput['sources'][string], { type: 'push' }>;

/** A compiled source `events` of type push with this schema; everything else can be given. */
export function declareSource(
  schema: SourceInput['contract']['schema'],
  options: Partial<Pick<SourceInput, 'key' | 'eventTime'>> & {
    readonly columns?: 'evolve' | 'freeze' | 'quarantine';
    readonly dataTypes?: 'quarantine' | 'freeze';
  } = {},
): Source {
  const { columns, dataTypes, ...common } = options;
  const config = parseConfig({
    sources: {
      events: {
        type: 'push',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        key: ['id'],
        ...common,
        contract: { schema, columns, dataTypes },
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('events');
  if (source === undefined) throw new Error('the source is not compiled');
  return source;
}
