import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { everything } from './configs.ts';
import { resourcesOf, synth, templateOf, type Resource } from './synth.ts';

const templates = synth(everything);
const push = templateOf(templates, 'push');

describe('the push API', () => {
  test('has the documented routes and no other', () => {
    const routes = resourcesOf(templates, 'AWS::ApiGatewayV2::Route').map(
      ({ Properties }) => Properties['RouteKey'],
    );
    expect(routes.sort()).toEqual([
      'GET /v1/health',
      'GET /v1/sources/{source}/schema',
      'POST /v1/sources/{source}/records',
      'POST /v1/sources/{source}/validate',
    ]);
  });

  test('has the routes of the source types that are declared, with the rates of their sources', () => {
    const github = {
      ...everything.sources.clicks,
      type: 'webhook' as const,
      signature: { preset: 'github' as const, secrets: [{ parameter: '/github/secret' }] },
      limits: { requestsPerSecond: 55 },
    };
    const stage = templateOf(synth({ sources: { github } }), 'push');
    const [settings] = Object.values(stage.findResources('AWS::ApiGatewayV2::Stage'));
    const { RouteSettings } = (settings as { Properties: { RouteSettings: unknown } }).Properties;
    expect(RouteSettings).toEqual({
      'POST /v1/webhooks/{source}': { ThrottlingRateLimit: 69, ThrottlingBurstLimit: 345 },
      'GET /v1/health': { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 },
    });
  });

  test('takes preflight requests where a source lets pages push, at the rate of such sources', () => {
    const cors = { origins: ['https://app.example.com'] };
    const { orders, clicks } = everything.sources;
    const sources = {
      orders,
      app: { ...clicks, cors },
      kiosk: { ...clicks, cors, limits: { requestsPerSecond: 60 } },
    };
    const stage = templateOf(synth({ sources }), 'push');
    const [settings] = Object.values(stage.findResources('AWS::ApiGatewayV2::Stage'));
    const { RouteSettings } = (settings as { Properties: { RouteSettings: Record<string, unknown> } })
      .Properties;
    const preflights = Object.entries(RouteSettings).filter(([key]) => key.startsWith('OPTIONS '));
    expect(Object.fromEntries(preflights)).toEqual({
      'OPTIONS /v1/sources/{source}/records': { ThrottlingRateLimit: 375, ThrottlingBurstLimit: 1875 },
      'OPTIONS /v1/sources/{source}/validate': { ThrottlingRateLimit: 30, ThrottlingBurstLimit: 150 },
      'OPTIONS /v1/sources/{source}/schema': { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 },
    });
    const routes = Object.values(stage.findResources('AWS::ApiGatewayV2::Route')) as Resource[];
    for (const [RouteKey] of preflights) {
      const route = routes.find(({ Properties }) => Properties['RouteKey'] === RouteKey);
      expect(route?.Properties).toMatchObject({ AuthorizationType: 'NONE' });
    }
  });

  test('hands requests over in payload format 2.0 and waits longer than the function runs', () => {
    push.hasResourceProperties('AWS::ApiGatewayV2::Integration', {
      PayloadFormatVersion: '2.0',
      TimeoutInMillis: 29_000,
    });
    push.hasResourceProperties('AWS::Lambda::Function', {
      FunctionName: 'lab-push',
      Timeout: 25,
      MemorySize: 1769,
    });
  });

  test('limits records to a little more than its sources allow together, so that the function refuses first, and everything else to less', () => {
    push.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      StageName: '$default',
      AutoDeploy: true,
      DefaultRouteSettings: { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40 },
      RouteSettings: {
        'POST /v1/sources/{source}/records': { ThrottlingRateLimit: 463, ThrottlingBurstLimit: 2315 },
        'POST /v1/sources/{source}/validate': { ThrottlingRateLimit: 37, ThrottlingBurstLimit: 185 },
        'GET /v1/sources/{source}/schema': { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 },
        'GET /v1/health': { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 },
      },
    });
  });

  test('never asks for more than an account has', () => {
    const busy = { ...everything.sources.orders, limits: { requestsPerSecond: 9000 } };
    const stage = templateOf(synth({ sources: { a: busy, b: busy } }), 'push');
    stage.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      RouteSettings: Match.objectLike({
        'POST /v1/sources/{source}/records': { ThrottlingRateLimit: 10_000, ThrottlingBurstLimit: 5000 },
      }),
    });
  });

  test('has its routes before the stage that limits them', () => {
    const [stage] = resourcesOf(templates, 'AWS::ApiGatewayV2::Stage');
    const routes = Object.keys(push.findResources('AWS::ApiGatewayV2::Route'));
    expect(stage?.DependsOn).toEqual(expect.arrayContaining(routes));
  });

  test('writes an access log as JSON that holds no header and no query, where keys may be', () => {
    const [stage] = resourcesOf(templates, 'AWS::ApiGatewayV2::Stage');
    const { Format } = stage?.Properties['AccessLogSettings'] as { Format: string };
    const fields = JSON.parse(Format) as Record<string, string>;
    expect(fields).toMatchObject({
      status: '$context.status',
      path: '$context.path',
      requestId: '$context.requestId',
    });
    for (const value of Object.values(fields)) expect(value).not.toMatch(/header|querystring|authorizer/i);
  });

  test('keeps its logs for a month', () => {
    for (const { Properties } of resourcesOf(templates, 'AWS::Logs::LogGroup')) {
      expect(Properties).toMatchObject({ RetentionInDays: 30 });
    }
  });

  test('gives the function the environment that its handler reads', () => {
    const [fn] = resourcesOf(new Map([['push', push]]), 'AWS::Lambda::Function');
    const { Variables } = fn?.Properties['Environment'] as { Variables: Record<string, unknown> };
    expect(Object.keys(Variables).sort()).toEqual([
      'ACCESS_TABLE',
      'CLAIMS_TABLE',
      'INGEST_STREAM',
      'LEDGER_TABLE',
      'NODE_OPTIONS',
    ]);
  });
});

test('no function reserves concurrency: a new account has ten; only the one for databases is in a VPC', () => {
  for (const { Properties } of resourcesOf(templates, 'AWS::Lambda::Function')) {
    expect(Properties).not.toHaveProperty('ReservedConcurrentExecutions');
    if (Properties['FunctionName'] !== 'lab-extract') expect(Properties).not.toHaveProperty('VpcConfig');
  }
});
