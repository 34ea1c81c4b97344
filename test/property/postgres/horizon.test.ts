import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCursorOrder } from '../../../shared/adapters/database/cursor-order.ts';
import { formatMicros } from '../../../shared/adapters/database/time-text.ts';
import {
  readPostgresHorizon,
  type HorizonNeeds,
} from '../../../shared/adapters/postgres/postgres-horizon.ts';
import type { PostgresTransaction, TextRow } from '../../../shared/adapters/postgres/postgres-transaction.ts';

/*
 * A server as PostgreSQL is: a transaction has its time from its start, a row its number from a sequence when it is
 * written, and both are seen when the transaction commits, which may be after its session has left it (prepared). The
 * oracle is the list of rows that are committed after a bound was given, which no reader knows.
 */

interface Transaction {
  readonly number: number;
  readonly startMs: number;
  /** Others see that it has begun a moment later than it did. */
  isShown: boolean;
  readonly rows: { readonly id: number; readonly atMs: number }[];
}

type Event = 'begin' | 'write' | 'commit' | 'roll back' | 'prepare' | 'commit prepared';
/** What happens, and whether it may happen while Headgate's own statements are under way. */
type Step =
  | { readonly kind: Event; readonly session: number; readonly isMeanwhile: boolean }
  | { readonly kind: 'look' };

/** Ways to be wrong, which the property has to see. */
interface Quirks {
  readonly hidesPrepared?: boolean;
  readonly hidesWhoHasNotWritten?: boolean;
  readonly hidesSessions?: boolean;
}

const SESSIONS = 3;
/** Less than the horizon stays away from now. */
const STEP_MS = 400;

const toText = (ms: number): string => formatMicros(BigInt(ms) * 1000n, '');

class Server {
  nowMs = 1_800_000_000_000;
  readonly visible: { readonly id: number; readonly atMs: number }[] = [];
  #nextId = 1;
  #nextNumber = 1;
  readonly #sessions: (Transaction | undefined)[] = Array.from({ length: SESSIONS }, () => undefined);
  readonly #prepared: Transaction[] = [];
  readonly #quirks: Quirks;

  constructor(quirks: Quirks) {
    this.#quirks = quirks;
  }

  /** @returns rows that became visible */
  take(kind: Event, session: number): readonly { readonly id: number; readonly atMs: number }[] {
    this.nowMs += STEP_MS;
    for (const transaction of this.#sessions) if (transaction !== undefined) transaction.isShown = true;
    const open = this.#sessions[session];
    switch (kind) {
      case 'begin':
        this.#sessions[session] ??= {
          ...{ number: this.#nextNumber++, startMs: this.nowMs, isShown: false, rows: [] },
        };
        return [];
      case 'write':
        // Some rows have the time of their transaction, others that of the clock.
        open?.rows.push({ id: this.#nextId, atMs: this.#nextId++ % 2 === 0 ? open.startMs : this.nowMs });
        return [];
      case 'commit prepared':
        return this.#show(this.#prepared.splice(session % Math.max(1, this.#prepared.length), 1)[0]);
      case 'prepare':
        if (open !== undefined) this.#prepared.push(open);
        this.#sessions[session] = undefined;
        return [];
      case 'commit':
      case 'roll back':
        this.#sessions[session] = undefined;
        return kind === 'commit' ? this.#show(open) : [];
    }
  }

  #show(transaction: Transaction | undefined): Transaction['rows'] {
    const rows = transaction?.rows ?? [];
    this.visible.push(...rows);
    return rows;
  }

  end(): void {
    for (let session = 0; session < SESSIONS; session += 1) this.take('commit', session);
    while (this.#prepared.length > 0) this.take('commit prepared', 0);
  }

  next(): string | undefined {
    return this.visible.length === 0 ? undefined : String(Math.max(...this.visible.map(({ id }) => id)) + 1);
  }

  #activity(beganMs: number): TextRow {
    const starts = this.#sessions
      .filter((open) => open?.isShown === true && this.#quirks.hidesSessions !== true)
      .filter((open) => this.#quirks.hidesWhoHasNotWritten !== true || (open?.rows.length ?? 0) > 0)
      .map((open) => open?.startMs ?? 0);
    const oldestMs = starts.length === 0 ? undefined : Math.min(...starts);
    return {
      hidden: '0',
      until: `${toText(Math.min(beganMs, oldestMs ?? beganMs) - 1000)}+00`,
      oldest: oldestMs === undefined ? null : toText(oldestMs),
      oldest_ms: oldestMs === undefined ? null : String(oldestMs),
      latest: toText(Math.max(this.nowMs, ...starts)),
    };
  }

  query(sql: string, beganMs: number): readonly TextRow[] {
    if (sql.includes('pg_is_in_recovery')) return [{ standby: 'f', sees: 't', role: 'r' }];
    if (sql.includes('pg_prepared_xacts'))
      return this.#quirks.hidesPrepared === true
        ? []
        : this.#prepared.map(({ number }) => ({ number: String(number) }));
    if (!sql.includes('pg_stat_activity')) throw new Error(`not expected: ${sql}`);
    return [this.#activity(beganMs)];
  }
}

async function run(steps: readonly Step[], cursor: 'at' | 'id', quirks: Quirks = {}): Promise<void> {
  const server = new Server(quirks);
  const type = cursor === 'id' ? ({ kind: 'int64' } as const) : ({ kind: 'timestamp' } as const);
  const order = createCursorOrder(type);
  const rest = [...steps];
  let memory: string | undefined;
  let bound: string | undefined;
  const cursorOf = ({ id, atMs }: { id: number; atMs: number }): string =>
    cursor === 'id' ? String(id) : `${toText(atMs)}+00`;
  /** A bound that was given holds for good. */
  const take = (kind: Event, session: number): void => {
    for (const row of server.take(kind, session))
      if (bound !== undefined && order.compare(cursorOf(row), bound) < 0)
        throw new Error(`a row of ${cursorOf(row)} is below ${bound}`);
  };
  const goOn = (): void => {
    server.nowMs += 1;
    const [step] = rest;
    if (step === undefined || step.kind === 'look' || !step.isMeanwhile) return;
    rest.shift();
    take(step.kind, step.session);
  };
  const look = async (): Promise<void> => {
    const needs: HorizonNeeds = {
      ...{ cursor, type, order, deadlineMs: server.nowMs + 60_000 },
      clock: {
        nowMs: () => server.nowMs,
        sleep: (ms) => {
          server.nowMs += ms;
          goOn();
          return Promise.resolve();
        },
      },
      transaction: (work) => {
        goOn();
        const beganMs = server.nowMs;
        const query = (sql: string): Promise<readonly TextRow[]> => {
          goOn();
          return Promise.resolve(server.query(sql, beganMs));
        };
        return work({ query } as unknown as PostgresTransaction);
      },
      // Several statements.
      readNext: () => {
        for (let i = 0; i < 5; i += 1) goOn();
        return Promise.resolve(server.next());
      },
    };
    const horizon = await readPostgresHorizon(needs, memory);
    ({ memory } = horizon);
    if (bound !== undefined) expect(order.compare(horizon.until ?? '', bound)).toBeGreaterThanOrEqual(0);
    bound = horizon.until;
  };
  for (let step = rest.shift(); step !== undefined; step = rest.shift()) {
    if (step.kind === 'look') await look();
    else take(step.kind, step.session);
  }
  // At rest, what is there may be read.
  server.end();
  server.nowMs += 2000;
  await look();
  for (const row of server.visible) expect(order.compare(cursorOf(row), bound ?? '')).toBeLessThan(0);
}

const eventOf = (...kinds: readonly Event[]): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    session: fc.nat(SESSIONS - 1),
    isMeanwhile: fc.boolean(),
  });
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: eventOf('begin', 'write', 'commit') },
    { weight: 2, arbitrary: eventOf('roll back', 'prepare', 'commit prepared') },
    { weight: 3, arbitrary: fc.constant<Step>({ kind: 'look' }) },
  ),
  { minLength: 5, maxLength: 60, size: 'max' },
);

/** While Headgate looks, one begins and writes, and another one writes after it and commits first. */
const passed: Step[] = [
  { kind: 'begin', session: 1, isMeanwhile: false },
  { kind: 'look' },
  ...Array.from({ length: 4 }, (): Step => ({ kind: 'roll back', session: 2, isMeanwhile: true })),
  { kind: 'begin', session: 0, isMeanwhile: true },
  { kind: 'write', session: 0, isMeanwhile: true },
  { kind: 'write', session: 1, isMeanwhile: true },
  { kind: 'commit', session: 1, isMeanwhile: true },
  { kind: 'commit', session: 0, isMeanwhile: false },
];

const check = (cursor: 'at' | 'id', quirks?: Quirks): Promise<void> =>
  fc.assert(
    fc.asyncProperty(steps, (all) => run(all, cursor, quirks)),
    { numRuns: 2000, seed: 7, examples: [[passed]] },
  );

test.each(['at', 'id'] as const)(
  'by %s, no row is committed below a bound, bounds never go back, and at rest everything is read',
  async (cursor) => {
    await check(cursor);
  },
);

test.each([
  ['at', { hidesPrepared: true }],
  ['at', { hidesWhoHasNotWritten: true }],
  ['id', { hidesPrepared: true }],
  ['id', { hidesSessions: true }],
] as const)('by %s, a horizon with %o passes rows: the property sees it', async (cursor, quirks) => {
  await expect(check(cursor, quirks)).rejects.toThrow(/Property failed/);
});
