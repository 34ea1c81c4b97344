import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Client } from '../../../clients/typescript/src/client.ts';
import { createClientIn } from '../../../clients/typescript/src/create-client.ts';
import { DeliveryError } from '../../../clients/typescript/src/delivery-error.ts';
import type { RecordResult } from '../../../clients/typescript/src/record-result.ts';
import { createSeededRandom } from '../../../shared/domain/seeded-random.ts';
import {
  answerOf,
  ClientWorld,
  problemOf,
  type FakeOutcome,
  type FakeRequest,
} from '../../support/client-world.ts';

/*
 * A server that fails in every way a server can, and what it has in the end, record by record. It keeps to its word:
 * what it stores under an Idempotency-Key it stores once, and what it has answered it answers again.
 */

const MAX_BODY_BYTES = 160;
const REQUEST_TIMEOUT_MS = 1000;
const MAX_KEYED = 4;

interface Request {
  readonly key: string;
  readonly payload: string;
  isRunning: boolean;
  outcomes: readonly FakeOutcome[] | undefined;
}

class Server {
  /** The records that are stored, in the order in which they were: number → how often. */
  readonly stored = new Map<number, number>();
  /** Keys of the records that a request has stored, also one that failed afterwards. */
  readonly #kept = new Set<string>();
  readonly #requests = new Map<string, Request>();
  readonly #random: () => number;
  /** From here on it is well. */
  readonly #wellFromMs: number;
  readonly problems: string[] = [];

  constructor(seed: number, wellFromMs: number) {
    this.#random = createSeededRandom(seed);
    this.#wellFromMs = wellFromMs;
  }

  /** What the contract says of a record. */
  static outcomeOf(n: number): FakeOutcome {
    if (n % 13 === 0) return { status: 'rejected', rule: 'type' };
    if (n % 11 === 0) return { status: 'quarantined', rule: 'type' };
    return { status: 'accepted' };
  }

  async serve({ idempotencyKey, lines, body }: FakeRequest, world: ClientWorld): Promise<Response> {
    const isWell = world.nowMs >= this.#wellFromMs;
    const chance = isWell ? 1 : this.#random();
    await world.sleep(Math.floor(this.#random() * 80));
    if (chance < 0.08) throw new TypeError('connection refused');
    if (chance < 0.16) return problemOf(429, 'quota-exceeded', this.#retryAfter());
    if (chance < 0.2) return new Response('Bad Gateway', { status: 502 });
    if (body.length > MAX_BODY_BYTES) return problemOf(413, 'too-large');

    const payload = lines.join('\n');
    const before = this.#requests.get(idempotencyKey);
    if (before !== undefined && before.payload !== payload) {
      this.problems.push(`the key ${idempotencyKey} came with another payload`);
      return problemOf(422, 'idempotency-key-reused');
    }
    if (before?.isRunning === true) return problemOf(409, 'request-in-progress', { 'retry-after': '1' });
    if (before?.outcomes !== undefined) return answerOf(before.outcomes, { 'idempotent-replayed': 'true' });

    const request: Request = { key: idempotencyKey, payload, isRunning: true, outcomes: undefined };
    this.#requests.set(idempotencyKey, request);
    const numbers = lines.map((line) => (JSON.parse(line) as { n: number }).n);
    // So slow that the client has given the attempt up when it takes effect.
    if (chance >= 0.2 && chance < 0.3) await world.sleep(REQUEST_TIMEOUT_MS + this.#random() * 3000);
    const isPartial = chance >= 0.3 && chance < 0.4;
    const some = isPartial ? numbers.slice(0, Math.floor(this.#random() * numbers.length)) : numbers;
    for (const [index, n] of some.entries()) this.#store(request, index, n);
    request.isRunning = false;
    if (isPartial) return problemOf(503, 'temporary-reduced-capacity', this.#retryAfter());
    request.outcomes = numbers.map((n) => Server.outcomeOf(n));
    if (chance >= 0.4 && chance < 0.5) throw new TypeError('connection reset');
    if (chance >= 0.5 && chance < 0.54) return new Response('<html>', { status: 200 });
    return answerOf(request.outcomes);
  }

  #store({ key }: Request, index: number, n: number): void {
    const place = `${key}#${String(index)}`;
    if (Server.outcomeOf(n).status === 'rejected' || this.#kept.has(place)) return;
    this.#kept.add(place);
    this.stored.set(n, (this.stored.get(n) ?? 0) + 1);
  }

  #retryAfter(): Record<string, string> {
    return this.#random() < 0.5 ? { 'retry-after': String(Math.floor(this.#random() * 3)) } : {};
  }
}

interface Numbered {
  readonly n: number;
  readonly text: string;
}

/** Records have different lengths, so that a short one could slip in where a long one waits. */
const toRecord = (n: number): Numbered => ({ n, text: 'x'.repeat((n * 17) % 41) });

interface Plan {
  readonly seed: number;
  readonly steps: readonly Step[];
  readonly ordered: boolean;
  readonly maxInFlight: number;
  readonly maxBatchRecords: number;
  readonly maxBatchBytes: number;
  readonly maxBufferedBytes: number;
}

type Step =
  | { readonly kind: 'push' | 'push-in-turn' | 'try' | 'send' | 'send-with-key'; readonly records: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'flush' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('push', 'push-in-turn', 'try', 'send', 'send-with-key'),
    records: fc.integer({ min: 1, max: 12 }),
  }),
  fc.record({ kind: fc.constant('wait'), ms: fc.integer({ min: 0, max: 4000 }) }),
  fc.constant({ kind: 'flush' }),
);

const plan: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  steps: fc.array(step, { minLength: 1, maxLength: 25 }),
  ordered: fc.boolean(),
  maxInFlight: fc.integer({ min: 1, max: 4 }),
  maxBatchRecords: fc.integer({ min: 1, max: 20 }),
  maxBatchBytes: fc.integer({ min: 10, max: 400 }),
  // What is sent under one key must fit in it.
  maxBufferedBytes: fc.integer({ min: MAX_KEYED * 70, max: 900 }),
});

/** What the client has said of the records that it took on. */
interface Told {
  /** Results of `send`, and losses that were told of others. */
  readonly results: Map<number, RecordResult[]>;
  readonly taken: Set<number>;
}

async function run(
  plan: Plan,
  wellFromMs: number,
  maxRetryTimeMs: number,
  closeTimeoutMs?: number,
): Promise<{ server: Server; told: Told; pushed: number[] }> {
  const server = new Server(plan.seed, wellFromMs);
  const told: Told = { results: new Map(), taken: new Set() };
  const random = createSeededRandom(~plan.seed);
  const inFlight = new Map<FakeRequest, number>();
  const world: ClientWorld = new ClientWorld(async (request, here) => {
    world.random = random();
    inFlight.set(request, request.body.length);
    request.signal.addEventListener('abort', () => inFlight.delete(request));
    checkBuffer();
    try {
      return await server.serve(request, here);
    } finally {
      inFlight.delete(request);
    }
  });
  const note = (n: number, result: RecordResult): void => {
    told.results.set(n, [...(told.results.get(n) ?? []), result]);
  };
  const numberOf = (record: object | string): number => (record as { n: number }).n;
  const client: Client = createClientIn(world.environment, {
    ordered: plan.ordered,
    maxInFlight: plan.maxInFlight,
    maxBatchRecords: plan.maxBatchRecords,
    maxBatchBytes: plan.maxBatchBytes,
    maxBufferedBytes: plan.maxBufferedBytes,
    url: 'http://127.0.0.1',
    source: 'orders',
    key: 'k',
    maxRetryTimeMs,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    onUndelivered: (records) => {
      for (const { record, result } of records) note(numberOf(record), result);
    },
  });
  function checkBuffer(): void {
    const { bufferedBytes } = client.stats();
    expect(bufferedBytes).toBeLessThanOrEqual(plan.maxBufferedBytes);
    expect([...inFlight.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(bufferedBytes);
  }

  let last = 0;
  const pushed: number[] = [];
  const pending: Promise<unknown>[] = [];
  const sendAll = async (records: Numbered[], key?: string): Promise<void> => {
    let results: readonly RecordResult[];
    try {
      results = await client.send(records, key === undefined ? {} : { idempotencyKey: key });
    } catch (error) {
      if (!(error instanceof DeliveryError)) throw error;
      results = error.results;
    }
    expect(results).toHaveLength(records.length);
    for (const [i, { n }] of records.entries()) note(n, results[i] as RecordResult);
  };
  for (const each of plan.steps) {
    if (each.kind === 'wait') await world.advance(each.ms);
    else if (each.kind === 'flush') await world.until(client.flush());
    else {
      const count = each.kind === 'send-with-key' ? Math.min(each.records, MAX_KEYED) : each.records;
      const records = Array.from({ length: count }, () => toRecord(++last));
      const take = (): void => {
        for (const { n } of records) told.taken.add(n);
      };
      if (each.kind === 'try') {
        if (client.tryPush(records)) {
          take();
          pushed.push(...records.map(({ n }) => n));
        }
      } else {
        take();
        if (each.kind === 'push' || each.kind === 'push-in-turn') pushed.push(...records.map(({ n }) => n));
        if (each.kind === 'push') pending.push(client.push(records));
        if (each.kind === 'push-in-turn') await world.until(client.push(records));
        if (each.kind === 'send') pending.push(sendAll(records));
        if (each.kind === 'send-with-key') pending.push(sendAll(records, `caller-${String(last)}`));
      }
    }
    checkBuffer();
  }
  await world.until(client.close(closeTimeoutMs === undefined ? {} : { timeoutMs: closeTimeoutMs }));
  await world.until(Promise.all(pending));
  // Requests that the client has given up go on.
  while (world.isWaiting) await world.advance(1000);
  expect(client.stats()).toMatchObject({ pendingRecords: 0, bufferedBytes: 0 });
  expect(server.problems).toEqual([]);
  return { server, told, pushed };
}

test('every record is delivered once where the server recovers in time, and nothing is told but what it rejected', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (given) => {
      const wellFromMs = 60_000;
      const { server, told, pushed } = await run(given, wellFromMs, 600_000, 3_600_000);
      for (const n of told.taken) {
        const outcome = Server.outcomeOf(n).status;
        expect([n, server.stored.get(n) ?? 0]).toEqual([n, outcome === 'rejected' ? 0 : 1]);
        const results = (told.results.get(n) ?? []).map(({ status }) => status);
        const isTold = outcome === 'rejected' || !pushed.includes(n);
        expect([n, results]).toEqual([n, isTold ? [outcome] : []]);
      }
      expect([...server.stored.keys()].every((n) => told.taken.has(n))).toBe(true);
      if (given.ordered) {
        const order = [...server.stored.keys()];
        expect(order).toEqual(order.toSorted((a, b) => a - b));
      }
    }),
    { numRuns: 150 },
  );
});

test('every record is delivered or told, never neither, where the client gives up', async () => {
  let losses = 0;
  await fc.assert(
    fc.asyncProperty(
      plan,
      fc.integer({ min: 0, max: 5000 }),
      fc.integer({ min: 0, max: 5000 }),
      async (given, maxRetryTimeMs, closeTimeoutMs) => {
        const { server, told, pushed } = await run(given, Infinity, maxRetryTimeMs, closeTimeoutMs);
        for (const n of told.taken) {
          const copies = server.stored.get(n) ?? 0;
          const results = told.results.get(n) ?? [];
          expect(copies).toBeLessThanOrEqual(1);
          if (results.length === 0) {
            // Nobody was told: it was pushed, and it is there.
            expect([n, pushed.includes(n), copies]).toEqual([n, true, 1]);
            continue;
          }
          expect([n, results.length]).toEqual([n, 1]);
          const [result] = results;
          if (result?.status === 'undelivered') {
            losses++;
            if (!result.failure.mayBeStored) expect([n, copies]).toEqual([n, 0]);
          } else {
            expect([n, result?.status]).toEqual([n, Server.outcomeOf(n).status]);
            expect([n, copies]).toEqual([n, result?.status === 'rejected' ? 0 : 1]);
          }
        }
        expect([...server.stored.keys()].every((n) => told.taken.has(n))).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
  expect(losses).toBeGreaterThan(0);
});
