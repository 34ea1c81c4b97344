import { GetEventSourceMappingCommand, UpdateEventSourceMappingCommand } from '@aws-sdk/client-lambda';
import type { AssemblyStack } from '../assembly/read-assembly.ts';
import type { AwsClients } from '../aws-clients.ts';
import { physicalNames } from '../deploy/physical-names.ts';
import { toStreamMapping, type StreamMapping } from './stream-mapping.ts';

/**
 * Answers the Kinesis mappings of the deployed stacks and switches off the emulator's own poller for them, which
 * ignores partial batch responses, limits and destinations. Whether a mapping is wanted is read from its template: in
 * an emulator that runs on, an earlier run has switched it off.
 */
export async function takeOverMappings(
  { cloudFormation, lambda }: AwsClients,
  stacks: readonly AssemblyStack[],
): Promise<StreamMapping[]> {
  const mappings: StreamMapping[] = [];
  for (const stack of stacks) {
    const names = await physicalNames(cloudFormation, stack.name);
    for (const [logicalId, { Type, Properties }] of Object.entries(stack.resources)) {
      if (Type !== 'AWS::Lambda::EventSourceMapping' || Properties['Enabled'] === false) continue;
      const UUID = names.get(logicalId);
      const mapping = toStreamMapping(await lambda.send(new GetEventSourceMappingCommand({ UUID })));
      if (mapping === undefined) continue;
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled: false }));
      mappings.push(mapping);
    }
  }
  return mappings;
}
