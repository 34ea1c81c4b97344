import { createServer } from 'node:net';
import { CloudError } from '../cloud-error.ts';

/** The interface that everything of the embedded cloud listens on: nothing outside this machine can reach it. */
export const LOOPBACK = '127.0.0.1';

/** A TCP port on which nothing listens now. */
export function freePort(): Promise<number> {
  return listenBriefly(0);
}

/**
 * Checks that a port the user chose can be listened on.
 *
 * @throws CloudError when it is in use, not allowed or not a port
 */
export async function claimPort(port: number): Promise<number> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new CloudError(
      `${String(port)} is not a port.`,
      'Use --port with a number from 1 to 65535, or 0 for any free port.',
    );
  }
  try {
    return await listenBriefly(port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new CloudError(
      code === 'EADDRINUSE'
        ? `Port ${String(port)} is in use: another process listens on ${LOOPBACK}:${String(port)}.`
        : `Port ${String(port)} cannot be used (${String(code)}).`,
      'Use --port 0 for any free port, or stop what uses this one.',
      { cause: error },
    );
  }
}

function listenBriefly(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  });
}
