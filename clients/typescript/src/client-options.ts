import type { RequestEvent } from './request-event.ts';
import { describeResult, type UndeliveredRecord } from './record-result.ts';

/** What a client is made of. Only `url`, `source` and one of `key` and `token` are needed. */
export interface ClientOptions {
  /** Address of the API without a path of its own, such as `https://a1b2c3.execute-api.eu-west-1.amazonaws.com`. */
  readonly url: string;
  readonly source: string;
  /** A write key of the source. */
  readonly key?: string;
  /** A token (JWT) instead of a key, or what gives one: it is called for every request, so it should remember. */
  readonly token?: string | (() => string | Promise<string>);
  /**
   * Called with pushed records that were not delivered or were rejected; nothing else will tell you. Without it they
   * are counted in an error on the console. (What became of records that were sent is told by `send` itself.)
   */
  readonly onUndelivered?: (records: readonly UndeliveredRecord[]) => void;
  /** Called after every attempt of a request, for logs and metrics. */
  readonly onRequest?: (event: RequestEvent) => void;
  /** A batch is sent when it has this many bytes, before compression. Default: 1,000,000. */
  readonly maxBatchBytes?: number;
  /** Or this many records. Default: 1,000. */
  readonly maxBatchRecords?: number;
  /** Or when its first record has waited this long. Default: 1,000. */
  readonly maxBatchDelayMs?: number;
  /** What is buffered and on its way together; `push` waits when there is no room. Default: 16,000,000. */
  readonly maxBufferedBytes?: number;
  /** Requests at a time. Default: 4. */
  readonly maxInFlight?: number;
  /** Sends one request at a time, so that records arrive in the order in which they were pushed. Default: false. */
  readonly ordered?: boolean;
  /** How long a batch is tried again, from its first attempt. Default: 120,000. */
  readonly maxRetryTimeMs?: number;
  /** An attempt without an answer fails after this time. Default: 35,000. */
  readonly requestTimeoutMs?: number;
  /** `auto` compresses what gets smaller by it. Default: `auto`. */
  readonly gzip?: 'auto' | 'never';
  /** Sends requests in place of the global `fetch`, for proxies and tests. */
  readonly fetch?: typeof globalThis.fetch;
}

/** The same, checked and with every default filled in. */
export interface Settings {
  /** Where records are posted. */
  readonly recordsUrl: string;
  readonly source: string;
  readonly credentials: () => string | Promise<string>;
  readonly onUndelivered: (records: readonly UndeliveredRecord[]) => void;
  readonly onRequest: (event: RequestEvent) => void;
  readonly maxBatchBytes: number;
  readonly maxBatchRecords: number;
  readonly maxBatchDelayMs: number;
  readonly maxBufferedBytes: number;
  readonly maxInFlight: number;
  readonly maxRetryTimeMs: number;
  readonly requestTimeoutMs: number;
  readonly isGzipAllowed: boolean;
}

/** Name, default and smallest value of each number. */
const NUMBERS = {
  maxBatchBytes: [1_000_000, 1],
  maxBatchRecords: [1000, 1],
  maxBatchDelayMs: [1000, 0],
  maxBufferedBytes: [16_000_000, 1],
  maxInFlight: [4, 1],
  maxRetryTimeMs: [120_000, 0],
  // Longer than API Gateway waits for its function, so that the client does not repeat what is still running.
  requestTimeoutMs: [35_000, 1],
} as const satisfies Readonly<Record<string, readonly [fallback: number, min: number]>>;

const SOURCE_NAME = /^[a-z][a-z0-9_-]{0,62}$/;

/**
 * Checks options and fills in what is missing.
 *
 * @throws TypeError that lists everything that is wrong with them
 */
export function toSettings(options: ClientOptions): Settings {
  const problems: string[] = [];
  const number = (name: keyof typeof NUMBERS): number => {
    const [fallback, min] = NUMBERS[name];
    const value = options[name] ?? fallback;
    if (Number.isSafeInteger(value) && value >= min) return value;
    problems.push(`${name} must be a whole number of at least ${String(min)}, and is ${String(value)}`);
    return fallback;
  };
  const { url, source, key, token, gzip = 'auto' } = options;
  if (!isHttpUrl(url)) {
    problems.push(
      'url must be an http or https address without a user, such as "https://a1b2c3.execute-api.eu-west-1.amazonaws.com"',
    );
  }
  if (typeof source !== 'string' || !SOURCE_NAME.test(source)) {
    problems.push('source must be the name of a source, such as "orders"');
  }
  if ((key === undefined) === (token === undefined)) {
    problems.push('one of key and token is needed: a write key (`headgate keys create` makes one), or a JWT');
  }
  for (const [name, secret] of Object.entries({ key, token })) {
    if (typeof secret === 'string' && !isHeaderSafe(secret)) {
      problems.push(`${name} must be printable ASCII without spaces`);
    }
  }
  if (!['auto', 'never'].includes(gzip)) problems.push('gzip must be "auto" or "never"');
  const numbers = {
    maxBatchBytes: number('maxBatchBytes'),
    maxBatchRecords: number('maxBatchRecords'),
    maxBatchDelayMs: number('maxBatchDelayMs'),
    maxBufferedBytes: number('maxBufferedBytes'),
    maxInFlight: number('maxInFlight'),
    maxRetryTimeMs: number('maxRetryTimeMs'),
    requestTimeoutMs: number('requestTimeoutMs'),
  };
  if (problems.length > 0) {
    throw new TypeError(`the options of the client are wrong: ${problems.join('; ')}`);
  }
  const tell =
    options.onUndelivered ??
    ((records: readonly UndeliveredRecord[]): void => {
      complain(source, records);
    });
  return {
    ...numbers,
    maxInFlight: options.ordered === true ? 1 : numbers.maxInFlight,
    recordsUrl: `${url.replace(/\/+$/, '')}/v1/sources/${source}/records`,
    source,
    credentials: typeof token === 'function' ? token : () => token ?? key ?? '',
    onUndelivered: later(tell),
    onRequest: later(options.onRequest ?? (() => undefined)),
    isGzipAllowed: gzip === 'auto',
  };
}

/** Whether a secret can stand in a header. */
export function isHeaderSafe(secret: string): boolean {
  return /^[!-~]+$/.test(secret);
}

/** An error that a function of the caller's throws is the caller's: it must not stop the client. */
function later<T>(callback: (value: T) => void): (value: T) => void {
  return (value) => {
    queueMicrotask(() => {
      callback(value);
    });
  };
}

function isHttpUrl(text: unknown): boolean {
  try {
    const { protocol, username, password } = new URL(String(text));
    return ['http:', 'https:'].includes(protocol) && username === '' && password === '';
  } catch {
    return false;
  }
}

/** What happens to undelivered records when nobody asks for them. Records themselves are nobody's business. */
function complain(source: string, records: readonly UndeliveredRecord[]): void {
  const [first] = records;
  const reason = first === undefined ? '' : `; the first: ${describeResult(first.result)}`;
  console.error(
    `@headgate/client: ${String(records.length)} records of "${source}" were not delivered${reason} (set onUndelivered to keep them)`,
  );
}
