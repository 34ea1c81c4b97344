import { describe, expect, test } from 'vitest';
import type { Pattern } from '../../../shared/domain/cost/design.ts';
import type { Answers } from '../../../shared/domain/plan/answers.ts';
import { DECISION_MATRIX, type Surroundings } from '../../../shared/domain/plan/decision-matrix.ts';
import { decidePattern } from '../../../shared/domain/plan/decide-pattern.ts';
import { RULES } from '../../../shared/domain/plan/rules.ts';

const MINUTE_MS = 60_000;

const answers = (change: Partial<Answers> = {}): Answers => ({
  source: 'it',
  freshnessMs: 30_000,
  gbPerDay: 10,
  type: 'push',
  changes: 'append',
  detection: 'events',
  findsDeletes: false,
  budget: {},
  isOrdered: false,
  byHand: undefined,
  isNotified: false,
  everyMinutes: undefined,
  ...change,
});
const table = (change: Partial<Answers> = {}): Answers =>
  answers({
    type: 'postgres',
    freshnessMs: 5 * MINUTE_MS,
    detection: 'cursor',
    changes: 'upserts',
    ...change,
  });

/** Each rule: answers that it applies to, what is left when it was followed, and answers that it has no say in. */
const CASES: readonly (readonly [
  rule: string,
  applies: Answers,
  leaves: readonly Pattern[],
  not: Answers,
])[] = [
  [
    'type-received',
    answers({ freshnessMs: 5 * MINUTE_MS }),
    ['stream', 'micro-batch'],
    answers({ type: 'stream' }),
  ],
  [
    'type-received',
    answers({ type: 'webhook', freshnessMs: 5 * MINUTE_MS }),
    ['stream', 'micro-batch'],
    table(),
  ],
  ['type-stream', answers({ type: 'stream' }), ['stream'], answers()],
  ['type-api', answers({ type: 'http' }), ['batch'], answers()],
  ['type-files', answers({ type: 'files' }), ['batch'], answers({ type: 'http' })],
  ['type-database', table(), ['batch', 'log-cdc', 'trigger-cdc', 'query-cdc'], answers()],
  ['type-database', table({ type: 'mysql' }), ['batch', 'log-cdc', 'trigger-cdc', 'query-cdc'], answers()],
  ['by-hand', answers({ byHand: 'micro-batch', freshnessMs: 5 * MINUTE_MS }), ['micro-batch'], answers()],
  ['by-hand', answers({ byHand: 'stream', freshnessMs: 5 * MINUTE_MS }), ['stream'], answers()],
  ['ordered', answers({ isOrdered: true, freshnessMs: 20 * MINUTE_MS }), ['stream'], answers()],
  [
    'changes-with-deletes',
    table({ changes: 'upserts-and-deletes' }),
    ['log-cdc', 'trigger-cdc', 'batch'],
    answers({ changes: 'upserts-and-deletes' }),
  ],
  [
    'changes-with-upserts',
    table(),
    ['query-cdc', 'trigger-cdc', 'log-cdc', 'batch'],
    table({ changes: 'append' }),
  ],
  ['changes-append', table({ changes: 'append' }), ['query-cdc', 'batch'], table()],
  ['detection-change-log', table({ detection: 'change-log' }), ['trigger-cdc'], table()],
  ['detection-cursor', table(), ['query-cdc', 'log-cdc'], answers({ type: 'http', detection: 'cursor' })],
  [
    'detection-none',
    table({ detection: 'whole' }),
    ['batch', 'log-cdc'],
    answers({ type: 'http', detection: 'whole' }),
  ],
  [
    'freshness-under-1-minute',
    answers({ freshnessMs: MINUTE_MS - 1 }),
    ['stream'],
    answers({ freshnessMs: MINUTE_MS }),
  ],
  ['freshness-under-1-minute', table({ freshnessMs: 10_000 }), ['log-cdc'], table()],
  [
    'freshness-1-to-2-minutes',
    answers({ freshnessMs: MINUTE_MS }),
    ['stream'],
    answers({ freshnessMs: 2 * MINUTE_MS }),
  ],
  [
    'freshness-2-to-15-minutes',
    answers({ freshnessMs: 2 * MINUTE_MS }),
    ['micro-batch', 'stream'],
    answers({ freshnessMs: 15 * MINUTE_MS }),
  ],
  [
    'freshness-15-minutes-and-more',
    answers({ freshnessMs: 15 * MINUTE_MS }),
    ['micro-batch', 'stream'],
    answers({ freshnessMs: 15 * MINUTE_MS - 1 }),
  ],
  [
    'cost-sensitive',
    table({ budget: { usdPerGb: 0.02 }, changes: 'upserts-and-deletes', detection: 'whole' }),
    ['batch'],
    table({ budget: { usdPerGb: 0.03 } }),
  ],
];

describe('the rules of the decision', () => {
  test.each(CASES)(
    '%s leaves what it says where it applies, and is silent elsewhere',
    (id, applies, leaves, not) => {
      const outcome = decidePattern(applies).outcomes.find(({ rule }) => rule.id === id);
      expect(outcome).toMatchObject({ outcome: 'applied', leaves });
      expect(outcome?.because).toMatch(/\w/);
      expect(decidePattern(not).outcomes.find(({ rule }) => rule.id === id)?.outcome).toBe('not-applicable');
    },
  );

  test('each have a case above', () => {
    expect([...new Set(CASES.map(([id]) => id))].sort()).toEqual(RULES.map(({ id }) => id).sort());
  });

  test('cover every freshness with one rule, and no more', () => {
    for (const freshnessMs of [1_000, 59_999, 60_000, 119_999, 120_000, 899_999, 900_000, 2_592_000_000]) {
      const asked = RULES.filter(
        ({ question, applies }) => question === 'freshness' && applies(answers({ freshnessMs })),
      );
      expect(asked).toHaveLength(1);
    }
  });

  test('that would leave nothing are reported and not followed', () => {
    const { patterns, outcomes } = decidePattern(answers({ type: 'files', freshnessMs: 10_000 }));
    expect(patterns).toEqual(['batch']);
    expect(outcomes.find(({ outcome }) => outcome === 'contradicted')?.rule.id).toBe(
      'freshness-under-1-minute',
    );
  });

  test('files whose bucket tells of them contradict nothing', () => {
    const { outcomes } = decidePattern(answers({ type: 'files', freshnessMs: 30_000, isNotified: true }));
    expect(outcomes.every(({ outcome }) => outcome !== 'contradicted')).toBe(true);
  });

  test('ask for log CDC where rows are deleted and a cursor is declared, for the trigger or snapshots where those are there', () => {
    expect(decidePattern(table({ changes: 'upserts-and-deletes' })).patterns).toEqual(['log-cdc']);
    expect(
      decidePattern(table({ changes: 'upserts-and-deletes', detection: 'change-log' })).patterns,
    ).toEqual(['trigger-cdc']);
    expect(decidePattern(table({ changes: 'upserts-and-deletes', detection: 'whole' })).patterns).toEqual([
      'batch',
      'log-cdc',
    ]);
  });
});

const around = (change: Partial<Surroundings> = {}): Surroundings => ({
  bytesPerRead: 1e6,
  apiSources: 1,
  isMet: true,
  ...change,
});

const ROWS: readonly (readonly [row: string, Answers, Surroundings, not: Answers, Surroundings])[] = [
  ['high-volume-batch', table({ gbPerDay: 1_001 }), around(), table({ gbPerDay: 1_000 }), around()],
  ['high-volume-batch', table(), around({ bytesPerRead: 101e9 }), answers({ gbPerDay: 5_000 }), around()],
  [
    'event-streams-within-a-second',
    answers({ freshnessMs: 1_000 }),
    around(),
    answers({ freshnessMs: 2_000 }),
    around(),
  ],
  ['event-streams', answers({ freshnessMs: 2_000 }), around(), answers({ freshnessMs: MINUTE_MS }), around()],
  ['events-in-batches', answers({ freshnessMs: MINUTE_MS }), around(), table(), around()],
  ['database-replication', table(), around({ isMet: false }), table(), around()],
  ['database-queries', table(), around(), table(), around({ isMet: false })],
  [
    'many-saas-sources',
    answers({ type: 'http' }),
    around({ apiSources: 5 }),
    answers({ type: 'http' }),
    around({ apiSources: 4 }),
  ],
  [
    'simple-extracts',
    answers({ type: 'http', budget: { usdPerGb: 0.02 } }),
    around(),
    answers({ type: 'http' }),
    around(),
  ],
];

describe('the decision matrix', () => {
  test.each(ROWS)(
    '%s: names other tools for its case and for no other',
    (id, applies, there, not, elsewhere) => {
      const row = DECISION_MATRIX.find((each) => each.id === id);
      expect(row?.applies(applies, there)).toBe(true);
      expect(row?.applies(not, elsewhere)).toBe(false);
      expect(row?.tools.length).toBeGreaterThan(0);
    },
  );

  test('has a case above for each row', () => {
    expect([...new Set(ROWS.map(([id]) => id))].sort()).toEqual(DECISION_MATRIX.map(({ id }) => id).sort());
  });
});
