import type { EmptyCloud } from './start-cloud.ts';

/**
 * Waits for Ctrl-C (or SIGTERM) and then stops the cloud. Call it once the cloud is up, and before anybody is told so: from
 * the call on signals are taken.
 *
 * @throws CloudError when the emulator ends by itself; it is cleaned up then
 */
export async function stopOnSignal(cloud: EmptyCloud): Promise<void> {
  const signalled = new Promise<undefined>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.once(signal, () => {
        resolve(undefined);
      });
    }
  });
  const problem = await Promise.race([signalled, cloud.died]);
  await cloud.stop();
  if (problem !== undefined) throw problem;
}
