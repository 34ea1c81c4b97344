import { describe, expect, test } from 'vitest';
import { orders } from './configs.ts';
import { resourcesOf, synth, templateOf } from './synth.ts';

const signed = { ...orders, auth: { type: 'iam' }, limits: { requestsPerSecond: 57 } } as const;
const ledger = { ...signed, limits: { requestsPerSecond: 1_300 }, cors: { origins: '*' } } as const;
const templates = synth({ sources: { orders, 'signed-one': signed, ledger } });
const push = templateOf(templates, 'push');

/** Whom each route lets in: the type of its authorizer by its key. */
function authorizations(stack: typeof push): Record<string, unknown> {
  const routes = resourcesOf(new Map([['push', stack]]), 'AWS::ApiGatewayV2::Route');
  return Object.fromEntries(
    routes.map(({ Properties }) => [String(Properties['RouteKey']), Properties['AuthorizationType']]),
  );
}

function rates(): Record<string, number> {
  const [stage] = resourcesOf(new Map([['push', push]]), 'AWS::ApiGatewayV2::Stage');
  const settings = stage?.Properties['RouteSettings'] as Record<string, { ThrottlingRateLimit: number }>;
  return Object.fromEntries(Object.entries(settings).map(([key, limit]) => [key, limit.ThrottlingRateLimit]));
}

describe('a source that takes signed requests', () => {
  test('has routes of its own that demand a signature, and no other route does', () => {
    expect(authorizations(push)).toEqual({
      'POST /v1/sources/{source}/records': 'NONE',
      'POST /v1/sources/{source}/validate': 'NONE',
      'GET /v1/sources/{source}/schema': 'NONE',
      'POST /v1/sources/signed-one/records': 'AWS_IAM',
      'POST /v1/sources/signed-one/validate': 'AWS_IAM',
      'GET /v1/sources/signed-one/schema': 'AWS_IAM',
      'POST /v1/sources/ledger/records': 'AWS_IAM',
      'POST /v1/sources/ledger/validate': 'AWS_IAM',
      'GET /v1/sources/ledger/schema': 'AWS_IAM',
      'OPTIONS /v1/sources/{source}/records': 'NONE',
      'OPTIONS /v1/sources/{source}/validate': 'NONE',
      'OPTIONS /v1/sources/{source}/schema': 'NONE',
      'GET /v1/health': 'NONE',
    });
  });

  test('has a rate of its own, which is no part of what the others share', () => {
    const { 'POST /v1/sources/{source}/records': shared } = rates();
    const alone = templateOf(synth({ sources: { orders } }), 'push');
    const [stage] = resourcesOf(new Map([['push', alone]]), 'AWS::ApiGatewayV2::Stage');
    const settings = stage?.Properties['RouteSettings'] as Record<string, { ThrottlingRateLimit: number }>;
    expect(shared).toBe(settings['POST /v1/sources/{source}/records']?.ThrottlingRateLimit);
    expect(rates()['POST /v1/sources/signed-one/records']).toBeGreaterThanOrEqual(57);
    expect(rates()['POST /v1/sources/ledger/records']).toBeGreaterThanOrEqual(1_300);
    expect(rates()['POST /v1/sources/ledger/validate']).toBeLessThan(200);
  });

  test('leaves no open route behind where every source is one', () => {
    const only = templateOf(synth({ sources: { signed } }), 'push');
    expect(authorizations(only)).toEqual({
      'POST /v1/sources/signed/records': 'AWS_IAM',
      'POST /v1/sources/signed/validate': 'AWS_IAM',
      'GET /v1/sources/signed/schema': 'AWS_IAM',
      'GET /v1/health': 'NONE',
    });
  });

  test('names in an output what its senders must be allowed to invoke, and nothing more', () => {
    const outputs = push.findOutputs('SignedSourceArns');
    const value = JSON.stringify(outputs['SignedSourceArns']);
    for (const name of ['signed-one', 'ledger']) expect(value).toContain(`/$default/*/v1/sources/${name}/*`);
    expect(value).not.toContain('/v1/sources/orders/');
    expect(templateOf(synth({ sources: { orders } }), 'push').findOutputs('SignedSourceArns')).toEqual({});
  });

  test('makes no difference to the policy of the function, which has a bounded size', () => {
    const permissions = (stack: typeof push): unknown[] =>
      resourcesOf(new Map([['push', stack]]), 'AWS::Lambda::Permission').map(
        ({ Properties }) => Properties['Principal'],
      );
    expect(permissions(push)).toEqual(['apigateway.amazonaws.com']);
  });
});
