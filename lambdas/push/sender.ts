import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import type { PushSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';

/** Whoever sent a request and has proven it. */
export interface Sender {
  /** Stable over requests and no secret: fit for limits and logs. */
  readonly id: string;
}

/**
 * One way to prove who sends.
 *
 * @throws HttpProblem `unauthorized` or `forbidden`; `temporary-reduced-capacity` when it cannot be decided now
 */
export type Authenticate = (
  source: Source<PushSourceConfig>,
  event: APIGatewayProxyEventV2,
) => Promise<Sender>;
