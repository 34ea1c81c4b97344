import type { Client } from './client.ts';

export interface ExitOptions {
  /** Node: signals that end the process once the client is closed. Default: SIGTERM and SIGINT. */
  readonly signals?: readonly string[];
  /** Node: how long to wait for the server. Default: 10,000. */
  readonly timeoutMs?: number;
}

/** As much of Node's `process` as is needed here; browsers have none. */
interface NodeProcess {
  readonly pid: number;
  once(event: string, listener: () => void): void;
  off(event: string, listener: () => void): void;
  kill(pid: number, signal: string): void;
}

/** As much of a browser's document as is needed here; Node has none. */
interface PageDocument {
  readonly visibilityState: string;
  addEventListener(event: string, listener: () => void): void;
  removeEventListener(event: string, listener: () => void): void;
}

const TIMEOUT_MS = 10_000;
/** Clients that a signal is closing: the process must not end before the last of them is closed. */
let closing = 0;

/**
 * Sends what is buffered before it is too late. In Node a signal closes the client first and then ends the process; a
 * process that just runs out of work needs no help: the client keeps it alive until everything is sent. In a browser
 * what is buffered is sent when the page is hidden or left, which is the last that a page hears.
 *
 * @returns what undoes it
 */
export function flushOnExit(client: Client, options: ExitOptions = {}): () => void {
  const { process, document } = globalThis as { process?: NodeProcess; document?: PageDocument };
  if (document !== undefined) return flushOnHide(client, document);
  if (process !== undefined) return closeOnSignal(client, process, options);
  return () => undefined;
}

function flushOnHide(client: Client, document: PageDocument): () => void {
  const page = globalThis as unknown as Pick<PageDocument, 'addEventListener' | 'removeEventListener'>;
  const listener = (): void => {
    if (document.visibilityState === 'hidden') void client.flush({ keepalive: true });
  };
  const onLeave = (): void => {
    void client.flush({ keepalive: true });
  };
  document.addEventListener('visibilitychange', listener);
  page.addEventListener('pagehide', onLeave);
  return () => {
    document.removeEventListener('visibilitychange', listener);
    page.removeEventListener('pagehide', onLeave);
  };
}

function closeOnSignal(
  client: Client,
  process: NodeProcess,
  { signals = ['SIGTERM', 'SIGINT'], timeoutMs = TIMEOUT_MS }: ExitOptions,
): () => void {
  const listeners = signals.map((signal) => ({
    signal,
    listener: (): void => {
      closing++;
      void client.close({ timeoutMs }).then(() => {
        if (--closing > 0) return;
        // With the listener gone the signal does what it does by default; other listeners decide for themselves.
        process.kill(process.pid, signal);
      });
    },
  }));
  for (const { signal, listener } of listeners) process.once(signal, listener);
  return () => {
    for (const { signal, listener } of listeners) process.off(signal, listener);
  };
}
