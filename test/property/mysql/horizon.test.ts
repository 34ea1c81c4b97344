import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  addMoment,
  formatMemory,
  parseMemory,
  planHorizon,
  planOldest,
  type Activity,
  type HorizonMemory,
} from '../../../shared/adapters/mysql/plan-horizon.ts';

/*
 * A server as MySQL is: a statement gives its rows its own start as their time, but its transaction gets a number only
 * when the first row is written. The oracle is the list of rows that are committed later, which no reader knows.
 */

interface Session {
  statementMicros: number | undefined;
  /** Times of the rows that the running statement will have written by its end. */
  readonly written: number[];
  id: bigint | undefined;
  startedMicros: number;
}

type Step =
  | { readonly kind: 'begin' | 'write' | 'end' | 'commit'; readonly session: number }
  | { readonly kind: 'look' };

const step = fc.oneof(
  fc.record({
    kind: fc.constantFrom('begin' as const, 'write' as const, 'end' as const, 'commit' as const),
    session: fc.nat(3),
  }),
  fc.record({ kind: fc.constant('look' as const) }),
);

class Server {
  now = 1e12;
  #nextId = 1n;
  readonly sessions: Session[] = Array.from({ length: 4 }, () => ({
    statementMicros: undefined,
    written: [],
    id: undefined,
    startedMicros: 0,
  }));

  /** @returns times of rows that became visible */
  take({ kind, session: i }: { kind: 'begin' | 'write' | 'end' | 'commit'; session: number }): number[] {
    const session = this.sessions[i] as Session;
    this.now += 1000;
    if (kind === 'begin') session.statementMicros ??= this.now;
    if (kind === 'write' && session.statementMicros !== undefined) {
      if (session.id === undefined) {
        session.id = this.#nextId;
        session.startedMicros = this.now;
        this.#nextId += 1n;
      }
      session.written.push(session.statementMicros);
    }
    if (kind === 'end') session.statementMicros = undefined;
    if (kind === 'commit' && session.statementMicros === undefined) {
      session.id = undefined;
      return session.written.splice(0);
    }
    return [];
  }

  /** Statements are seen first; `between` happens before transactions are seen. */
  look(between: () => void): Activity {
    this.now += 1000;
    const nowMicros = this.now;
    const statementMicros = this.sessions.flatMap((session) => session.statementMicros ?? []);
    between();
    const writers = this.sessions.flatMap(({ id, startedMicros }) =>
      id === undefined ? [] : [{ id, startedMicros }],
    );
    return { nowMicros, statementMicros, writers, prepared: false };
  }
}

function run(
  steps: readonly Step[],
  boundOf: (memory: HorizonMemory, activity: Activity) => number | undefined,
): void {
  const server = new Server();
  let memory: HorizonMemory = { final: undefined, pending: [] };
  let bound = -1;
  const check = (visible: readonly number[]): void => {
    for (const time of visible)
      if (time < bound) throw new Error(`a row of ${String(time)} is below ${String(bound)}`);
  };
  steps.forEach((now, i) => {
    if (now.kind !== 'look') {
      check(server.take(now));
      return;
    }
    const next = steps[i + 1];
    const activity = server.look(() => {
      if (next !== undefined && next.kind !== 'look') check(server.take(next));
    });
    // A run in another process has only the text.
    memory = planHorizon(
      addMoment(parseMemory(formatMemory(memory)), {
        until: String(activity.nowMicros),
        micros: activity.nowMicros,
        writersUpTo: undefined,
      }),
      activity,
    );
    bound = Math.max(bound, boundOf(memory, activity) ?? bound);
  });
}

const steps = fc.array(step, { minLength: 5, maxLength: 60 });

test('no row is committed below a bound, whatever waits, writes and commits in between', () => {
  fc.assert(
    fc.property(steps, (all) => {
      run(all, ({ final }, activity) => Math.max(Number(final ?? -1), planOldest(activity) ?? -1));
    }),
    { numRuns: 3000, seed: 5 },
  );
});

test('a bound by when transactions touched InnoDB first passes rows: the property sees it', () => {
  expect(() => {
    fc.assert(
      fc.property(steps, (all) => {
        run(all, (_, { nowMicros, writers }) =>
          Math.min(nowMicros, ...writers.map(({ startedMicros }) => startedMicros)),
        );
      }),
      { numRuns: 3000, seed: 5 },
    );
  }).toThrow(/Property failed/);
});

test('a moment is final once what was open then has ended, and no more than a few are remembered', () => {
  const busy = (nowMicros: number, id: bigint): Activity => ({
    nowMicros,
    statementMicros: [],
    writers: [{ id, startedMicros: nowMicros }],
    prepared: false,
  });
  let memory: HorizonMemory = { final: undefined, pending: [] };
  // One transaction stays open; it does not hold back what was final before, and memory stays small.
  for (let i = 1; i <= 100; i += 1)
    memory = planHorizon(
      addMoment(memory, { until: String(i), micros: i, writersUpTo: undefined }),
      busy(i, 7n),
    );
  expect(memory.final).toBeUndefined();
  expect(formatMemory(memory).length).toBeLessThan(500);
  memory = planHorizon(memory, busy(101, 8n));
  expect(memory).toEqual({ final: '100', pending: [] });
});
