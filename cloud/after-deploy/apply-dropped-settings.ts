import type { AssemblyStack } from '../assembly/read-assembly.ts';
import type { AwsClients } from '../aws-clients.ts';
import { physicalNames } from '../deploy/physical-names.ts';
import { droppedSettings } from './dropped-settings.ts';

/** Applies to the deployed resources what the emulator's CloudFormation leaves out. */
export async function applyDroppedSettings(
  clients: AwsClients,
  stacks: readonly AssemblyStack[],
): Promise<void> {
  for (const stack of stacks) {
    const names = await physicalNames(clients.cloudFormation, stack.name);
    for (const [logicalId, { Type, Properties }] of Object.entries(stack.resources)) {
      const name = names.get(logicalId);
      if (name === undefined) continue;
      for (const { type, property, apply } of droppedSettings) {
        const value = Properties[property];
        if (type === Type && value !== undefined) await apply(clients, name, value);
      }
    }
  }
}
