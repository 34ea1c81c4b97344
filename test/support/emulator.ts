import { startEmptyCloud } from '../../cloud/start-cloud.ts';
import type { ConnectOptions } from '../../shared/adapters/aws/clients.ts';

/** An embedded cloud in which nothing is deployed. */
export interface BareEmulator {
  readonly connection: Required<Omit<ConnectOptions, 'timeouts' | 'meter'>>;
  readonly stop: () => Promise<void>;
}

/** Starts an emulator of its own for one test file. */
export async function startBareEmulator(): Promise<BareEmulator> {
  const cloud = await startEmptyCloud({ mayUseRunning: false });
  return {
    connection: {
      endpoint: cloud.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    stop: () => cloud.stop(),
  };
}
