import { ArnFormat, type Stack } from 'aws-cdk-lib/core';

/** Conditions of a policy statement for CloudWatch: only on behalf of the alarms of this deployment. */
export function fromAlarmsOf(stack: Stack, deploymentName: string): Record<string, Record<string, string>> {
  const alarms = stack.formatArn({
    service: 'cloudwatch',
    resource: 'alarm',
    resourceName: `${deploymentName}-*`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return {
    StringEquals: { 'aws:SourceAccount': stack.account },
    ArnLike: { 'aws:SourceArn': alarms },
  };
}
