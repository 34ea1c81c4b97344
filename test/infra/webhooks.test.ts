import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import { everything } from './configs.ts';
import { createApp, resourcesOf, synth, templateOf } from './synth.ts';

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const webhook = {
  type: 'webhook' as const,
  freshness: '1 minute',
  volume: everything.sources.orders.volume,
  contract: everything.sources.orders.contract,
};
const config: HeadgateConfigInput = {
  ...everything,
  sources: {
    ...everything.sources,
    pushes: {
      ...webhook,
      signature: { preset: 'github', secrets: [{ parameter: '/github/one' }, { parameter: '/github/two' }] },
      limits: { requestsPerSecond: 17 },
    },
    payments: {
      ...webhook,
      signature: { preset: 'stripe', secrets: [{ parameter: '/stripe' }, { parameter: '/github/two' }] },
      limits: { requestsPerSecond: 23 },
    },
  },
};
const templates = synth(config);

/** Statements about a service in the policies of a stack. */
function statementsAbout(stack: string, service: string, from = templates): Statement[] {
  return resourcesOf(new Map([[stack, templateOf(from, stack)]]), 'AWS::IAM::Policy')
    .flatMap(({ Properties }) => (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement)
    .filter(({ Action }) => JSON.stringify(Action).includes(`${service}:`));
}

/** The names at the ends of a list of joined ARNs. */
const namesIn = (arns: unknown): unknown[] =>
  (arns as { 'Fn::Join': [string, unknown[]] }[]).map((arn) => arn['Fn::Join'][1].at(-1));

describe('the secrets of webhooks', () => {
  const names = [':parameter/github/one', ':parameter/github/two', ':parameter/stripe'];

  test('are all that the push function may read of SSM', () => {
    const [reads, ...others] = statementsAbout('push', 'ssm');
    expect(others).toEqual([]);
    expect(reads?.Action).toBe('ssm:GetParameter');
    expect(namesIn(reads?.Resource)).toEqual(names);
  });

  test('are all that it may decrypt with keys that are not ours, through SSM only', () => {
    const [decrypts, ...others] = statementsAbout('push', 'kms').filter(({ Resource: resource }) =>
      JSON.stringify(resource).includes(':key/*'),
    );
    expect(others).toEqual([]);
    expect(decrypts?.Action).toBe('kms:Decrypt');
    const condition = decrypts?.Condition?.['StringEquals'] ?? {};
    expect(JSON.stringify(condition['kms:ViaService'])).toContain('"ssm."');
    expect(namesIn(condition['kms:EncryptionContext:PARAMETER_ARN'])).toEqual(names);
  });

  test('without webhooks it may read no parameter at all', () => {
    expect(statementsAbout('push', 'ssm', synth(everything))).toEqual([]);
  });
});

test('deliveries have a route of their own with the rate of the webhook sources, without an authorizer', () => {
  const push = templateOf(templates, 'push');
  push.hasResourceProperties('AWS::ApiGatewayV2::Route', {
    RouteKey: 'POST /v1/webhooks/{source}',
    AuthorizationType: 'NONE',
  });
  const [stage] = resourcesOf(new Map([['push', push]]), 'AWS::ApiGatewayV2::Stage');
  expect(stage?.Properties['RouteSettings']).toMatchObject({
    'POST /v1/webhooks/{source}': { ThrottlingRateLimit: 50 },
  });
  const plain = templateOf(synth(everything), 'push');
  expect(JSON.stringify(plain.toJSON())).not.toContain('/v1/webhooks');
});

test('the rules of AwsSolutions hold with webhooks, or are acknowledged with a reason', () => {
  const { violations } = new AwsSolutionsChecks().validateScope(createApp(config));
  expect(violations).toEqual([]);
});
