import type { OperationId } from '../../shared/config/push-api.ts';

/** A request to the push API and its answer, for the source of orders.config.ts. Tests send it and compare. */
export interface PushExample {
  readonly operation: OperationId;
  /** What it shows. */
  readonly summary: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  /** Body of the answer, as JSON. */
  readonly answer: unknown;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const LINES_TYPE = { 'content-type': 'application/x-ndjson' };

const ORDER = { id: 'A-16', placedAt: '2026-05-04T10:00:00Z', amount: 12.5 };
const EVENT = {
  specversion: '1.0',
  id: 'A-16',
  source: '/shop/eu',
  type: 'com.example.order.placed',
  time: '2026-05-04T10:00:00Z',
  placedAt: '2026-05-04T10:00:00Z',
  data: { amount: 12.5 },
};

const ACCEPTED = { accepted: 1, duplicates: 0, quarantined: 0, rejected: 0, results: [] };

/** Examples by a name of their own. */
export const PUSH_EXAMPLES: Readonly<Record<string, PushExample>> = {
  oneRecord: {
    operation: 'postRecords',
    summary: 'One record',
    headers: { ...JSON_TYPE, 'idempotency-key': '"order-A-16"' },
    body: JSON.stringify(ORDER),
    status: 202,
    answer: ACCEPTED,
  },
  records: {
    operation: 'postRecords',
    summary: 'Several records, all of them in the results',
    headers: JSON_TYPE,
    query: { verbose: '' },
    body: JSON.stringify([ORDER, { ...ORDER, id: 'A-17' }]),
    status: 202,
    answer: {
      ...ACCEPTED,
      accepted: 2,
      results: [
        { index: 0, id: 'A-16/2026-05-04T10:00:00Z', status: 'accepted' },
        { index: 1, id: 'A-17/2026-05-04T10:00:00Z', status: 'accepted' },
      ],
    },
  },
  lines: {
    operation: 'postRecords',
    summary: 'Lines: a record that violates the contract, and one that is not JSON',
    headers: LINES_TYPE,
    body: `${JSON.stringify(ORDER)}\n${JSON.stringify({ ...ORDER, id: 'A-17', amount: '9,90' })}\n{"id":`,
    status: 202,
    answer: {
      accepted: 1,
      duplicates: 0,
      quarantined: 1,
      rejected: 1,
      results: [
        {
          index: 1,
          id: 'A-17/2026-05-04T10:00:00Z',
          status: 'quarantined',
          error: {
            field: 'amount',
            rule: 'type',
            message: '"amount" must be of type number, and is a string',
          },
        },
        {
          index: 2,
          status: 'rejected',
          error: { field: '', rule: 'json', message: 'the record is not valid JSON' },
        },
      ],
    },
  },
  cloudEvent: {
    operation: 'postRecords',
    summary: 'A CloudEvent in structured mode',
    headers: { 'content-type': 'application/cloudevents+json' },
    body: JSON.stringify(EVENT),
    status: 202,
    answer: ACCEPTED,
  },
  cloudEvents: {
    operation: 'postRecords',
    summary: 'CloudEvents in batched mode',
    headers: { 'content-type': 'application/cloudevents-batch+json' },
    body: JSON.stringify([EVENT, { ...EVENT, id: 'A-17' }]),
    status: 202,
    answer: { ...ACCEPTED, accepted: 2 },
  },
  unreadable: {
    operation: 'postRecords',
    summary: 'A body that is not JSON',
    headers: JSON_TYPE,
    body: '{"id": "A-16"',
    status: 400,
    answer: {
      type: 'urn:headgate:problem:malformed-body',
      title: 'The body cannot be read',
      status: 400,
      detail: 'the body is not valid JSON; nothing was stored',
    },
  },
  dryRun: {
    operation: 'validateRecords',
    summary: 'What would become of a record without its time',
    headers: JSON_TYPE,
    body: JSON.stringify({ id: 'A-16' }),
    status: 200,
    answer: {
      ...ACCEPTED,
      accepted: 0,
      quarantined: 1,
      results: [
        {
          index: 0,
          status: 'quarantined',
          error: { field: 'placedAt', rule: 'required', message: '"placedAt" is missing' },
        },
      ],
    },
  },
  health: {
    operation: 'getHealth',
    summary: 'All is well',
    headers: {},
    status: 200,
    answer: { status: 'ok' },
  },
};
