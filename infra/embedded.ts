import { CfnResource } from 'aws-cdk-lib/core';
import { CfnAlarm, CfnCompositeAlarm } from 'aws-cdk-lib/aws-cloudwatch';
import type { IConstruct } from 'constructs';

/**
 * What the embedded cloud does not get, and why. The only place where the two templates differ in resources;
 * everything else is deployed there as it is on AWS.
 */
const LEFT_OUT: readonly { readonly reason: string; readonly applies: (resource: CfnResource) => boolean }[] =
  [
    {
      reason: 'The emulator refuses alarms on metric math.',
      applies: (resource) => resource instanceof CfnAlarm && resource.metrics !== undefined,
    },
    {
      reason: 'The emulator does not know composite alarms.',
      applies: (resource) => resource instanceof CfnCompositeAlarm,
    },
    {
      reason: 'Athena is not emulated, so nothing there reads a catalog.',
      applies: (resource) => resource.cfnResourceType.startsWith('AWS::Glue::'),
    },
  ];

/** Removes what the embedded cloud does not get. Nothing refers to what is removed. */
export function leaveOutForEmbedded(root: IConstruct): void {
  for (const construct of root.node.findAll()) {
    if (construct instanceof CfnResource && LEFT_OUT.some(({ applies }) => applies(construct))) {
      construct.node.scope?.node.tryRemoveChild(construct.node.id);
    }
  }
}
