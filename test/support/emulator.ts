import { findEmulator } from '../../cloud/emulator/find-emulator.ts';
import { freePort } from '../../cloud/emulator/free-port.ts';
import { startEmulator } from '../../cloud/emulator/start-emulator.ts';
import type { ConnectOptions } from '../../shared/adapters/aws/clients.ts';

/** An embedded cloud in which nothing is deployed. */
export interface BareEmulator {
  readonly connection: Required<ConnectOptions>;
  stop(): Promise<void>;
}

/** Starts an emulator for one test file, or uses the one that `AWS_ENDPOINT_URL` names. */
export async function startBareEmulator(): Promise<BareEmulator> {
  const found = await findEmulator({
    mayUseRunning: true,
    onProgress: (message) => {
      console.log(message);
    },
  });
  const emulator =
    'endpoint' in found
      ? { endpoint: found.endpoint, stop: () => Promise.resolve() }
      : await startEmulator(found, await freePort());
  return {
    connection: {
      endpoint: emulator.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
    stop: () => emulator.stop(),
  };
}
