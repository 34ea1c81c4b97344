import type { APIGatewayProxyEventV2, APIGatewayProxyEventV2WithIAMAuthorizer } from 'aws-lambda';
import { HttpProblem } from '../middleware/problems.ts';
import type { Authenticate } from './sender.ts';

const CHALLENGE = { headers: { 'www-authenticate': 'AWS4-HMAC-SHA256' } };

/**
 * Senders whose signature (SigV4) API Gateway has verified, and whom IAM allows to call the source's own routes. What
 * comes by a route that asks for no signature is refused: API Gateway names the principal on the others only, and a
 * caller cannot write there.
 */
export const authenticateByIam: Authenticate = (source, event) => {
  const arn = principalOf(event);
  if (arn === undefined) {
    return Promise.reject(
      new HttpProblem(
        'unauthorized',
        `sign the request to source "${source.name}" with Signature Version 4 for the service execute-api, as a principal that may call it`,
        CHALLENGE,
      ),
    );
  }
  return Promise.resolve({ id: `iam:${arn}` });
};

/**
 * The principal that signed. The sessions of a role are one sender: their names change with each deployment or machine.
 */
function principalOf(event: APIGatewayProxyEventV2): string | undefined {
  const { authorizer } = event.requestContext as Partial<
    APIGatewayProxyEventV2WithIAMAuthorizer['requestContext']
  >;
  const arn = (authorizer as Partial<typeof authorizer> | undefined)?.iam?.userArn;
  if (typeof arn !== 'string' || arn === '') return undefined;
  return arn.replace(/^(arn:[^:]+:sts::\d+:assumed-role\/[^/]+)\/.*$/, '$1');
}
