import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { toBytes } from '../../shared/config/units.ts';
import { RejectedError } from '../../shared/domain/errors.ts';
import { splitJson, splitLines } from '../../shared/domain/json-records.ts';
import type { Source } from '../../shared/domain/source.ts';
import { checkRecords, type CheckedBatch } from '../../shared/pipeline/accept-records.ts';
import { HttpProblem } from '../middleware/problems.ts';
import type { BodyFormat } from './body-format.ts';
import { checkCloudEvent } from './cloud-events.ts';

type ReceivedSource = Source<ReceivedSourceConfig>;

const CLOUD_EVENTS: ReadonlySet<BodyFormat> = new Set([
  'cloud-event',
  'cloud-event-batch',
  'binary-cloud-event',
]);

/** White space of JSON, and the bytes of a byte order mark. */
const BLANK: ReadonlySet<number> = new Set([0x20, 0x0a, 0x0d, 0x09, 0xef, 0xbb, 0xbf]);

/** What a body must begin with where its content type leaves no choice. */
const BEGINNINGS: Readonly<Partial<Record<BodyFormat, { readonly byte: number; readonly problem: string }>>> =
  {
    'cloud-event': {
      byte: 0x7b,
      problem:
        'the body must be one CloudEvent, an object; several are sent as application/cloudevents-batch+json',
    },
    'cloud-event-batch': {
      byte: 0x5b,
      problem:
        'the body must be an array of CloudEvents; a single one is sent as application/cloudevents+json',
    },
  };

/**
 * Splits a body into its records and checks them. What is not JSON as a whole is refused as a whole.
 *
 * @throws HttpProblem `malformed-body` or `too-large`
 */
export function checkBody(
  source: ReceivedSource,
  format: BodyFormat,
  body: Buffer,
  receivedAtMs: number,
): CheckedBatch {
  const records = splitBody(source, format, body);
  const maxRecordBytes = toBytes(source.config.limits.maxRecordBytes);
  const batch = checkRecords(source, records, {
    receivedAtMs,
    maxRecordBytes,
    refuse: CLOUD_EVENTS.has(format) ? checkCloudEvent : undefined,
  });
  // Lines stand for themselves; an array with a broken element is not JSON, and no part of it is trusted.
  const broken =
    format === 'ndjson'
      ? -1
      : batch.outcomes.findIndex(({ violations }) =>
          violations.some(({ rule }) => rule === 'json' || rule === 'utf8'),
        );
  if (broken === -1) return batch;
  const where =
    records.length === 1 ? 'the body' : `the body is malformed at element ${String(broken)}, which`;
  const what =
    batch.outcomes[broken]?.violations[0]?.rule === 'utf8' ? 'is not valid UTF-8' : 'is not valid JSON';
  throw new HttpProblem('malformed-body', `${where} ${what}; nothing was stored`);
}

function splitBody(source: ReceivedSource, format: BodyFormat, body: Buffer): readonly Buffer[] {
  const { maxRecordsPerRequest } = source.config.limits;
  const beginning = BEGINNINGS[format];
  if (beginning !== undefined && body.find((byte) => !BLANK.has(byte)) !== beginning.byte) {
    throw new HttpProblem('malformed-body', beginning.problem);
  }
  try {
    const records = (format === 'ndjson' ? splitLines : splitJson)(body, maxRecordsPerRequest);
    if (records.length > 0) return records;
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    const isTooMany = error.code === 'TOO_MANY_RECORDS';
    const members = isTooMany ? { maxRecords: maxRecordsPerRequest } : {};
    throw new HttpProblem(isTooMany ? 'too-large' : 'malformed-body', error.message, { members });
  }
  throw new HttpProblem('malformed-body', 'the body has no records; send at least one');
}
