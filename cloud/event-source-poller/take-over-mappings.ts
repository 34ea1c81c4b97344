import {
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
  type LambdaClient,
} from '@aws-sdk/client-lambda';
import { toStreamMapping, type StreamMapping } from './stream-mapping.ts';

/**
 * Answers the enabled Kinesis mappings that are deployed and switches off the emulator's own poller for them, which
 * ignores partial batch responses, limits and destinations.
 */
export async function takeOverMappings(lambda: LambdaClient): Promise<StreamMapping[]> {
  const mappings: StreamMapping[] = [];
  let marker: string | undefined;
  do {
    const page = await lambda.send(new ListEventSourceMappingsCommand({ Marker: marker }));
    for (const configuration of page.EventSourceMappings ?? []) {
      const mapping = configuration.State === 'Enabled' ? toStreamMapping(configuration) : undefined;
      if (mapping === undefined) continue;
      await lambda.send(new UpdateEventSourceMappingCommand({ UUID: mapping.uuid, Enabled: false }));
      mappings.push(mapping);
    }
    marker = page.NextMarker;
  } while (marker !== undefined);
  return mappings;
}
