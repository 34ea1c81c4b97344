import type { Pattern } from '../cost/design.ts';
import { isDatabase, isReceived, type Answers } from './answers.ts';

const MINUTE_MS = 60_000;
/** A landing schedule runs each minute at most, and half of the freshness is left for landing. */
const SHORTEST_LANDING_MS = 2 * MINUTE_MS;
const CLASS_MS = 15 * MINUTE_MS;

/** Which of the five questions a rule is about; `hand` is what the user has decided. */
type Question = 'type' | 'hand' | 'order' | 'changes' | 'freshness' | 'budget';

/** One rule of the decision: when it applies, and which patterns it leaves. */
export interface Rule {
  readonly id: string;
  readonly question: Question;
  /** The rule, for the reference. */
  readonly says: string;
  readonly applies: (answers: Answers) => boolean;
  /** What is left where it applies. */
  readonly allows: readonly Pattern[];
  /** Why, for the source that it is applied to. */
  readonly because: (answers: Answers) => string;
}

const ALL_CDC: readonly Pattern[] = ['log-cdc', 'trigger-cdc', 'query-cdc'];

/**
 * The rules, in the order in which they count: a rule that would leave nothing contradicts those before it, and is
 * reported instead of followed. What they leave is decided by what can be deployed, and then by price.
 */
export const RULES: readonly Rule[] = [
  {
    id: 'type-received',
    question: 'type',
    says: 'Records that are sent over HTTP are streamed, or collected and landed in micro-batches.',
    applies: isReceived,
    allows: ['stream', 'micro-batch'],
    because: ({ type }) =>
      type === 'webhook'
        ? 'a service delivers the events: they are received, and streamed or collected'
        : 'applications push the records: they are received, and streamed or collected',
  },
  {
    id: 'type-stream',
    question: 'type',
    says: "Records that producers put on a stream of the source's own are streamed.",
    applies: ({ type }) => type === 'stream',
    allows: ['stream'],
    because: () => 'producers put the records on a stream of its own',
  },
  {
    id: 'type-api',
    question: 'type',
    says: 'An HTTP API is read in batches: it has no log that could be followed.',
    applies: ({ type }) => type === 'http',
    allows: ['batch'],
    because: () => 'an API is asked on a schedule: it has no log that could be followed',
  },
  {
    id: 'type-files',
    question: 'type',
    says: 'Files are read in batches, each version once.',
    applies: ({ type }) => type === 'files',
    allows: ['batch'],
    because: () => 'files are read when they are there: each version once',
  },
  {
    id: 'type-database',
    question: 'type',
    says: 'A database is read in batches, or its changes are captured: from its log, by triggers, or by queries.',
    applies: isDatabase,
    allows: ['batch', ...ALL_CDC],
    because: () => 'a table can be read whole, or its changes captured',
  },
  {
    id: 'by-hand',
    question: 'hand',
    says: 'A pattern that is set by hand is taken; the plan says what it costs against its own choice.',
    applies: ({ byHand }) => byHand !== undefined,
    allows: ['stream', 'micro-batch'],
    because: ({ byHand }) => `pattern: "${byHand ?? ''}" was set by hand`,
  },
  {
    id: 'ordered',
    question: 'order',
    says: 'Records that keep their order go through the stream: one place gives the sequence numbers.',
    applies: ({ isOrdered }) => isOrdered,
    allows: ['stream'],
    because: () => 'orderBy: the stream is what keeps an order',
  },
  {
    id: 'changes-with-deletes',
    question: 'changes',
    says:
      'Rows that are changed and deleted are followed in the log of the database: it has every change and every delete. A ' +
      'trigger sees them too. A query sees what is there, and so neither deletes nor what was between two reads; whole ' +
      'snapshots show what is left.',
    applies: (answers) => isDatabase(answers) && answers.changes === 'upserts-and-deletes',
    allows: ['log-cdc', 'trigger-cdc', 'batch'],
    because: () =>
      'rows are changed and deleted: a log or a trigger has every delete, a snapshot shows what is left',
  },
  {
    id: 'changes-with-upserts',
    question: 'changes',
    says: 'Rows that are changed and never deleted can be queried by a column that grows with every change.',
    applies: (answers) => isDatabase(answers) && answers.changes === 'upserts',
    allows: ['query-cdc', 'trigger-cdc', 'log-cdc', 'batch'],
    because: () => 'rows are changed: a column that grows with every change tells which',
  },
  {
    id: 'changes-append',
    question: 'changes',
    says: 'Rows that are only added are read behind the last one: no log is needed.',
    applies: (answers) => isDatabase(answers) && answers.changes === 'append',
    allows: ['query-cdc', 'batch'],
    because: () => 'rows are only added: what comes after the last one is new',
  },
  {
    id: 'detection-change-log',
    question: 'changes',
    says: 'Where a trigger writes a table of changes, that is read.',
    applies: ({ detection }) => detection === 'change-log',
    allows: ['trigger-cdc'],
    because: () => 'a trigger or an application writes a log of changes',
  },
  {
    id: 'detection-cursor',
    question: 'changes',
    says: 'Where a column grows with every change, the table is read behind it and not as a whole.',
    applies: (answers) => isDatabase(answers) && answers.detection === 'cursor',
    allows: ['query-cdc', 'log-cdc'],
    because: () => 'a column says what is new, so the table is not read as a whole',
  },
  {
    id: 'detection-none',
    question: 'changes',
    says: 'Where nothing tells what has changed, the whole table is read.',
    applies: (answers) => isDatabase(answers) && answers.detection === 'whole',
    allows: ['batch', 'log-cdc'],
    because: () => 'neither `incremental` nor `changeLog` says what has changed: the whole table is read',
  },
  {
    id: 'freshness-under-1-minute',
    question: 'freshness',
    says: 'Fresher than 1 minute: streamed, or followed in the log of the database. Nothing that is scheduled is as fresh; files whose bucket tells of them (`notifications`) are.',
    applies: ({ freshnessMs, isNotified }) => freshnessMs < MINUTE_MS && !isNotified,
    allows: ['stream', 'log-cdc'],
    because: () => 'less than a minute old: nothing that is scheduled is as fresh',
  },
  {
    id: 'freshness-1-to-2-minutes',
    question: 'freshness',
    says:
      'From 1 to 2 minutes: streamed, because a landing schedule runs each minute at most and needs time to land; or read ' +
      'each minute.',
    applies: ({ freshnessMs }) => freshnessMs >= MINUTE_MS && freshnessMs < SHORTEST_LANDING_MS,
    allows: ['stream', 'batch', ...ALL_CDC],
    because: () => 'less than two minutes old: a schedule that lands each minute is not fast enough',
  },
  {
    id: 'freshness-2-to-15-minutes',
    question: 'freshness',
    says:
      'From 2 to 15 minutes: micro-batches or reads on a schedule; streamed only where that costs less, because a stream ' +
      'is there anyway or the volume fills shards.',
    applies: ({ freshnessMs }) => freshnessMs >= SHORTEST_LANDING_MS && freshnessMs < CLASS_MS,
    allows: ['micro-batch', 'stream', 'batch', ...ALL_CDC],
    because: () => 'some minutes old: micro-batches are enough, a stream only where it costs less',
  },
  {
    id: 'freshness-15-minutes-and-more',
    question: 'freshness',
    says: '15 minutes and more: batches; a stream only where it is there anyway and costs less.',
    applies: ({ freshnessMs }) => freshnessMs >= CLASS_MS,
    allows: ['micro-batch', 'batch', 'stream', ...ALL_CDC],
    because: () => 'a quarter of an hour and older: batches are enough',
  },
  {
    id: 'cost-sensitive',
    question: 'budget',
    says: 'Where every cent counts (2 cents per GB or less), nothing runs that need not: no task that follows a log all the time.',
    applies: ({ budget }) => budget.usdPerGb !== undefined && budget.usdPerGb <= 0.02,
    allows: ['stream', 'micro-batch', 'batch', 'trigger-cdc', 'query-cdc'],
    because: ({ budget }) =>
      `${String(budget.usdPerGb ?? 0)} dollars per GB: no task that follows a log all the time`,
  },
];
