import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import { toBytes } from '../../shared/config/units.ts';
import { RejectedError } from '../../shared/domain/errors.ts';
import { splitJson, splitLines } from '../../shared/domain/json-records.ts';
import type { Source } from '../../shared/domain/source.ts';
import { checkRecords, type CheckedBatch } from '../../shared/pipeline/accept-records.ts';
import { HttpProblem } from '../middleware/problems.ts';
import type { BodyFormat } from './body-format.ts';

type ReceivedSource = Source<ReceivedSourceConfig>;

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
  const batch = checkRecords(source, records, { receivedAtMs, maxRecordBytes });
  // Lines stand for themselves; an array with a broken element is not JSON, and no part of it is trusted.
  const broken =
    format === 'json'
      ? batch.outcomes.findIndex(({ violations }) =>
          violations.some(({ rule }) => rule === 'json' || rule === 'utf8'),
        )
      : -1;
  if (broken === -1) return batch;
  const where =
    records.length === 1 ? 'the body' : `the body is malformed at element ${String(broken)}, which`;
  const what =
    batch.outcomes[broken]?.violations[0]?.rule === 'utf8' ? 'is not valid UTF-8' : 'is not valid JSON';
  throw new HttpProblem('malformed-body', `${where} ${what}; nothing was stored`);
}

function splitBody(source: ReceivedSource, format: BodyFormat, body: Buffer): readonly Buffer[] {
  const { maxRecordsPerRequest } = source.config.limits;
  try {
    const records = (format === 'json' ? splitJson : splitLines)(body, maxRecordsPerRequest);
    if (records.length > 0) return records;
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    const isTooMany = error.code === 'TOO_MANY_RECORDS';
    const members = isTooMany ? { maxRecords: maxRecordsPerRequest } : {};
    throw new HttpProblem(isTooMany ? 'too-large' : 'malformed-body', error.message, { members });
  }
  throw new HttpProblem('malformed-body', 'the body has no records; send at least one');
}
