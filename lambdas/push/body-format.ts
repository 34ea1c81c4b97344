import { HttpProblem } from '../middleware/problems.ts';

/** How the records stand in a body. */
export type BodyFormat = 'json' | 'ndjson';

const FORMATS: Readonly<Record<string, BodyFormat>> = {
  'application/json': 'json',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
};

/**
 * The format that a Content-Type header names.
 *
 * @throws HttpProblem `unsupported-media-type`
 */
export function bodyFormatOf(contentType: string | undefined): BodyFormat {
  const [type = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const name = type.trim();
  const format = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined) {
    throw new HttpProblem(
      'unsupported-media-type',
      'Content-Type must be application/json (an object or an array of objects) or application/x-ndjson (one object per line)',
      { headers: { accept: 'application/json, application/x-ndjson' } },
    );
  }
  const charset = parameters
    .map((parameter) => parameter.trim())
    .find((parameter) => parameter.startsWith('charset='));
  if (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)) {
    throw new HttpProblem('unsupported-media-type', 'the charset of the body must be UTF-8');
  }
  return format;
}
