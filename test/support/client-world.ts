import { setImmediate as turn } from 'node:timers/promises';
import type { Environment } from '../../clients/typescript/src/environment.ts';

/** A request as a fake server sees it. */
export interface FakeRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** The records of a body of lines. */
  readonly lines: readonly string[];
  readonly idempotencyKey: string;
  readonly keepalive: boolean;
  readonly signal: AbortSignal;
}

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A client's surroundings in which time passes only when it is told to, and a function is the server. */
export class ClientWorld {
  readonly requests: FakeRequest[] = [];
  readonly environment: Environment;
  random = 0.5;
  #nowMs = 0;
  #timers: Timer[] = [];
  #count = 0;

  constructor(
    serve: (request: FakeRequest, world: ClientWorld) => Response | Promise<Response>,
    changes: Partial<Environment> = {},
  ) {
    this.environment = {
      nowMs: () => this.#nowMs,
      dateMs: () => Date.UTC(2026, 0, 1) + this.#nowMs,
      startTimer: (callback, delayMs) => {
        const timer = { atMs: this.#nowMs + delayMs, order: this.#count++, callback };
        this.#timers.push(timer);
        return () => {
          this.#timers = this.#timers.filter((each) => each !== timer);
        };
      },
      random: () => this.random,
      uniqueId: () => `id-${String(this.#count++)}`,
      gzip: undefined,
      fetch: (url, init) => {
        const request = toFakeRequest(url, init);
        this.requests.push(request);
        return untilAborted(request.signal, async () => serve(request, this));
      },
      ...changes,
    };
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Resolves after a time of this world. */
  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.environment.startTimer(resolve, delayMs);
    });
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let i = 0; i < 3; i++) await turn();
  }

  /** Lets time pass. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (let next = this.#next(); next !== undefined && next.atMs <= endMs; next = this.#next()) {
      await this.#fire(next);
    }
    this.#nowMs = endMs;
  }

  /** Lets as much time pass as it takes, and no more. */
  async until<T>(promise: Promise<T>): Promise<T> {
    const progress = { isDone: false };
    const done = (): void => {
      progress.isDone = true;
    };
    promise.then(done, done);
    await this.settle();
    while (!progress.isDone) {
      const next = this.#next();
      if (next === undefined) throw new Error('nothing happens any more, and it is not done');
      await this.#fire(next);
    }
    return promise;
  }

  /** Whether something is to happen at a later time. */
  get isWaiting(): boolean {
    return this.#timers.length > 0;
  }

  #next(): Timer | undefined {
    return this.#timers.toSorted((a, b) => a.atMs - b.atMs || a.order - b.order)[0];
  }

  async #fire(timer: Timer): Promise<void> {
    this.#timers = this.#timers.filter((each) => each !== timer);
    this.#nowMs = Math.max(this.#nowMs, timer.atMs);
    timer.callback();
    await this.settle();
  }
}

function toFakeRequest(url: unknown, init: RequestInit = {}): FakeRequest {
  const body = init.body as Uint8Array;
  const headers = init.headers as Record<string, string>;
  const isPlain = headers['content-encoding'] === undefined;
  return {
    url: String(url),
    headers,
    body,
    lines: isPlain
      ? new TextDecoder()
          .decode(body)
          .split('\n')
          .filter((line) => line !== '')
      : [],
    idempotencyKey: (headers['idempotency-key'] ?? '').replaceAll('"', ''),
    keepalive: init.keepalive ?? false,
    signal: init.signal ?? new AbortController().signal,
  };
}

/** As `fetch` does, it leaves what goes on when it is aborted. */
function untilAborted(signal: AbortSignal, work: () => Promise<Response>): Promise<Response> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason instanceof Error ? signal.reason : new DOMException('aborted', 'AbortError'));
    };
    if (signal.aborted) {
      onAbort();
      return;
    }
    signal.addEventListener('abort', onAbort);
    work().then(resolve, reject);
  });
}

export interface FakeOutcome {
  readonly status: 'accepted' | 'duplicate' | 'quarantined' | 'rejected';
  readonly id?: string;
  readonly rule?: string;
}

/** The API's answer to records. */
export function answerOf(
  outcomes: readonly FakeOutcome[],
  headers: Readonly<Record<string, string>> = {},
): Response {
  const count = (status: FakeOutcome['status']): number =>
    outcomes.filter((outcome) => outcome.status === status).length;
  const body = {
    accepted: count('accepted'),
    duplicates: count('duplicate'),
    quarantined: count('quarantined'),
    rejected: count('rejected'),
    results: outcomes.flatMap(({ status, id, rule }, index) =>
      status === 'accepted'
        ? []
        : [{ index, id, status, ...(rule === undefined ? {} : { error: { rule } }) }],
    ),
  };
  const isAllRejected = outcomes.length > 0 && body.rejected === outcomes.length;
  return Response.json(
    isAllRejected ? { type: 'urn:headgate:problem:all-records-rejected', ...body } : body,
    {
      status: isAllRejected ? 422 : 202,
      headers,
    },
  );
}

/** The answer that accepts everything. */
export function acceptAll({ lines }: FakeRequest): Response {
  return answerOf(lines.map(() => ({ status: 'accepted' })));
}

/** A problem document. */
export function problemOf(
  status: number,
  name: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return Response.json(
    { type: `urn:headgate:problem:${name}`, title: name, status, detail: `it is ${name}` },
    { status, headers: { 'content-type': 'application/problem+json', ...headers } },
  );
}
