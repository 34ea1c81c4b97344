import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import type { AssemblyStack } from '../assembly/read-assembly.ts';
import type { AwsClients } from '../aws-clients.ts';
import { physicalNames } from '../deploy/physical-names.ts';

/** Makes the deployed functions call AWS at this endpoint: the SDK in them reads it from their environment. */
export async function routeFunctions(
  { cloudFormation, lambda }: AwsClients,
  stacks: readonly AssemblyStack[],
  endpoint: string,
): Promise<void> {
  for (const stack of stacks) {
    const names = await physicalNames(cloudFormation, stack.name);
    for (const [logicalId, { Type }] of Object.entries(stack.resources)) {
      const FunctionName = names.get(logicalId);
      if (Type !== 'AWS::Lambda::Function' || FunctionName === undefined) continue;
      const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
      await lambda.send(
        new UpdateFunctionConfigurationCommand({
          FunctionName,
          Environment: { Variables: { ...Environment?.Variables, AWS_ENDPOINT_URL: endpoint } },
        }),
      );
    }
  }
}
