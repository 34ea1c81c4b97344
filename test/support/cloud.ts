import { afterAll, beforeAll } from 'vitest';
import { createAwsClients, type AwsClients } from '../../cloud/aws-clients.ts';
import { startCloud, type Cloud, type CloudOptions } from '../../cloud/start-cloud.ts';

/** The embedded cloud of one test file. */
export interface TestCloud {
  readonly cloud: () => Cloud;
  readonly clients: () => AwsClients;
}

/** Starts an embedded cloud of its own for the test file that calls this, and stops it after the last test. */
export function useCloud(options: CloudOptions): TestCloud {
  let running: { readonly cloud: Cloud; readonly clients: AwsClients } | undefined;
  beforeAll(async () => {
    const cloud = await startCloud({ mayUseRunning: false, ...options });
    running = { cloud, clients: createAwsClients(cloud.endpoint) };
  });
  afterAll(async () => {
    running?.clients.destroy();
    await running?.cloud.stop();
  });
  const started = (): NonNullable<typeof running> => {
    if (running === undefined) throw new Error('the embedded cloud is there from beforeAll to afterAll');
    return running;
  };
  return { cloud: () => started().cloud, clients: () => started().clients };
}
