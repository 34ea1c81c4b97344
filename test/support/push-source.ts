import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput, PushSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

type PushSourceInput = Extract<HeadgateConfigInput['sources'][string], { type: 'push' }>;

/** A compiled source that is pushed, with what differs from the plainest one. */
export function pushSource(name: string, changed: Partial<PushSourceInput>): Source<PushSourceConfig> {
  const config = parseConfig({
    sources: {
      [name]: {
        type: 'push',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        key: ['id'],
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
        ...changed,
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get(name);
  if (source?.config.type !== 'push') throw new Error(`${name} is not pushed`);
  return source as Source<PushSourceConfig>;
}

/** A request as API Gateway hands it on, with nothing in it but headers and what an authorizer found out. */
export function pushEvent(
  headers: Readonly<Record<string, string | undefined>>,
  authorizer?: unknown,
): APIGatewayProxyEventV2 {
  return { headers, requestContext: { authorizer } } as unknown as APIGatewayProxyEventV2;
}
