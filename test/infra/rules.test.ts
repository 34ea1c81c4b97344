import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Stack } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, test } from 'vitest';
import { everything } from './configs.ts';
import { createApp } from './synth.ts';

describe('the rules of AwsSolutions', () => {
  test.each([{ embedded: false }, { embedded: true }])(
    'hold, or are acknowledged with a reason: %o',
    (options) => {
      const { violations } = new AwsSolutionsChecks().validateScope(createApp(everything, options));
      expect(violations).toEqual([]);
    },
  );

  test('are really checked: a policy that allows everything is found', () => {
    const app = createApp(everything);
    const stack = Stack.of(app.node.findChild('lab-push'));
    new Policy(stack, 'TooMuch', {
      roles: [new Role(stack, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })],
      statements: [new PolicyStatement({ actions: ['s3:*'], resources: ['*'] })],
    });
    const { violations } = new AwsSolutionsChecks().validateScope(app);
    expect(violations.map(({ ruleName }) => ruleName).sort()).toEqual([
      'AwsSolutions-IAM5[Action::s3:*]',
      'AwsSolutions-IAM5[Resource::*]',
    ]);
  });
});

test("the templates meet CloudFormation's own schemas and rules", () => {
  const app = createApp(everything, { validate: true });
  expect(() => app.synth()).not.toThrow();
});
