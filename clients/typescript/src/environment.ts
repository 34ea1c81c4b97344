/** What the client needs from where it runs. */
export interface Environment {
  readonly fetch: typeof globalThis.fetch;
  /** Grows steadily, whatever happens to the clock. */
  readonly nowMs: () => number;
  /** Milliseconds since the epoch. */
  readonly dateMs: () => number;
  /** Calls back after a time, 24 days at most, and returns what prevents it. */
  readonly startTimer: (callback: () => void, delayMs: number) => () => void;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** 32 hexadecimal digits that nobody else has. */
  readonly uniqueId: () => string;
  /** Undefined where it cannot compress. */
  readonly gzip: ((bytes: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>) | undefined;
}

const ID_BYTES = 16;
/** Timers with a longer delay go off at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Response(bytes).body?.pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The web APIs, which Node has as well. */
export function webEnvironment(): Environment {
  return {
    fetch: (...parameters) => globalThis.fetch(...parameters),
    nowMs: () => performance.now(),
    dateMs: () => Date.now(),
    startTimer: (callback, delayMs) => {
      const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
      return () => {
        clearTimeout(timer);
      };
    },
    random: () => Math.random(),
    // Not randomUUID, which pages without TLS do not have.
    uniqueId: () =>
      Array.from(crypto.getRandomValues(new Uint8Array(ID_BYTES)), (byte) =>
        byte.toString(16).padStart(2, '0'),
      ).join(''),
    gzip: typeof CompressionStream === 'undefined' ? undefined : gzip,
  };
}
