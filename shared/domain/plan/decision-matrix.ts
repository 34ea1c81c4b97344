import type { OtherToolName } from '../cost/other-tools.ts';
import { isDatabase, isFetched, type Answers } from './answers.ts';

/** What the rows of the matrix look at besides the answers. */
export interface Surroundings {
  /** Bytes of raw JSON that one read brings. */
  readonly bytesPerRead: number;
  /** Sources of the deployment that are read from HTTP APIs. */
  readonly apiSources: number;
  /** What is deployed is what the answers ask for. */
  readonly isMet: boolean;
}

/** A case in which other tools are the usual choice, and whether they are the right one here. */
export interface MatrixRow {
  readonly id: string;
  /** The case, as the guide has it. */
  readonly title: string;
  readonly tools: readonly OtherToolName[];
  readonly applies: (answers: Answers, around: Surroundings) => boolean;
  /** `hand-over`: another tool is the right one. `compare`: Headgate does it; the others are what it is compared with. */
  readonly verdict: 'hand-over' | 'compare';
  readonly because: string;
}

const TB_GB = 1_000;
const MAX_READ_BYTES = 100e9;
const MANY_APIS = 5;
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;
const COST_SENSITIVE_USD_PER_GB = 0.02;

/** The decision matrix. */
export const DECISION_MATRIX: readonly MatrixRow[] = [
  {
    id: 'high-volume-batch',
    title: 'Batches of more than 1 TB a day, or 100 GB at once',
    tools: ['airflowEmr', 'airflowGlue'],
    applies: (answers, { bytesPerRead }) =>
      isFetched(answers) && (answers.gbPerDay > TB_GB || bytesPerRead > MAX_READ_BYTES),
    verdict: 'hand-over',
    because:
      'one function has 15 minutes and one core: extracts of this size belong to Spark, which divides them over many machines; ' +
      'Headgate keeps the smaller sources',
  },
  {
    id: 'event-streams-within-a-second',
    title: 'Events that must be seen within a second',
    tools: ['kafkaFlink', 'dataflow'],
    applies: ({ type, freshnessMs }) =>
      (type === 'push' || type === 'stream' || type === 'webhook') && freshnessMs <= SECOND_MS,
    verdict: 'hand-over',
    because:
      'Lambda asks a stream once a second, and a file in S3 takes its time: results within a second, or state over a stream, ' +
      'belong to Kafka + Flink or Dataflow; Headgate can land the same stream beside them',
  },
  {
    id: 'event-streams',
    title: 'Event streams that are to be fresh within a minute',
    tools: ['firehosePacked', 'kafkaFlink', 'kafkaConnect'],
    applies: ({ type, freshnessMs }) =>
      (type === 'push' || type === 'stream' || type === 'webhook') &&
      freshnessMs > SECOND_MS &&
      freshnessMs < MINUTE_MS,
    verdict: 'compare',
    because:
      'events are landed, not joined or aggregated on the way: nothing has to run all the time for that',
  },
  {
    id: 'events-in-batches',
    title: 'Events that may be some minutes old',
    tools: ['firehosePacked', 'firehose'],
    applies: ({ type, freshnessMs }) =>
      (type === 'push' || type === 'stream' || type === 'webhook') && freshnessMs >= MINUTE_MS,
    verdict: 'compare',
    because: 'Firehose collects events as well, without a key to know them again by; it is billed by the GB',
  },
  {
    id: 'database-replication',
    title: 'Databases that are replicated with every change and delete',
    tools: ['debezium', 'dms', 'datastream'],
    applies: (answers, { isMet }) => isDatabase(answers) && !isMet,
    verdict: 'hand-over',
    because:
      'every change and every delete within seconds is in the log of the database, which Headgate does not read; Debezium ' +
      'can put its events on a source of type stream',
  },
  {
    id: 'database-queries',
    title: 'Databases whose new and changed rows are wanted',
    tools: ['debezium', 'dms', 'fivetran'],
    applies: (answers, { isMet }) => isDatabase(answers) && isMet,
    verdict: 'compare',
    because: 'a query by cursor or a log of changes brings what is asked for, and nothing runs in between',
  },
  {
    id: 'many-saas-sources',
    title: 'Many SaaS sources, and nobody to maintain them',
    tools: ['fivetran', 'stitch'],
    applies: ({ type }, { apiSources }) => type === 'http' && apiSources >= MANY_APIS,
    verdict: 'hand-over',
    because:
      'each API changes in its own time, and somebody has to follow: with many of them and nobody for it, connectors that ' +
      'their vendor maintains are worth their price by the row',
  },
  {
    id: 'simple-extracts',
    title: 'Simple extracts where every cent counts',
    tools: ['stitch', 'fivetran'],
    applies: (answers, { apiSources }) =>
      isFetched(answers) &&
      (answers.budget.usdPerGb ?? Infinity) <= COST_SENSITIVE_USD_PER_GB &&
      (answers.type !== 'http' || apiSources < MANY_APIS),
    verdict: 'compare',
    because: 'a scheduled function costs cents a month, a price by the row does not',
  },
];
