import { CONTENT_TYPES, type ContentType } from '../../shared/config/push-api.ts';
import { HttpProblem } from '../middleware/problems.ts';
import { isBinaryCloudEvent } from './cloud-events.ts';

/** How the records stand in a body. */
export type BodyFormat = 'json' | 'ndjson' | 'cloud-event' | 'cloud-event-batch' | 'binary-cloud-event';

const FORMATS: Readonly<Record<ContentType, BodyFormat>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/cloudevents+json': 'cloud-event',
  'application/cloudevents-batch+json': 'cloud-event-batch',
};

function isContentType(name: string): name is ContentType {
  return Object.hasOwn(FORMATS, name);
}

/**
 * The format that the headers of a request name.
 *
 * @param headers by lower-case name
 * @throws HttpProblem `unsupported-media-type`
 */
export function bodyFormatOf(headers: Readonly<Record<string, string | undefined>>): BodyFormat {
  const [type = '', ...parameters] = (headers['content-type'] ?? '').toLowerCase().split(';');
  const name = type.trim();
  if (!name.startsWith('application/cloudevents') && isBinaryCloudEvent(headers)) return 'binary-cloud-event';
  if (!isContentType(name)) {
    const known = Object.entries(CONTENT_TYPES).map(([known, holds]) => `${known} (${holds})`);
    throw new HttpProblem(
      'unsupported-media-type',
      `Content-Type must be ${known.join(', ')}; or send the headers ce-id, ce-source, ce-type and ce-specversion for a CloudEvent in binary mode`,
      { headers: { accept: Object.keys(CONTENT_TYPES).join(', ') } },
    );
  }
  const charset = parameters
    .map((parameter) => parameter.trim())
    .find((parameter) => parameter.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new HttpProblem('unsupported-media-type', 'the charset of the body must be UTF-8');
  }
  return FORMATS[name];
}
