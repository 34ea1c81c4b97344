import { BlockedError, TransientError } from '../../domain/errors.ts';
import { elementSpans, findSpan, isArrayAt, textAt } from '../../domain/json-spans.ts';
import { showPath } from '../../domain/violation.ts';

const MAX_NAMES = 12;

/**
 * The records of an answer, as slices of its original bytes.
 *
 * @param recordsPath field names joined by dots; undefined when the answer itself is the array
 * @throws TransientError with code `PULL_NOT_JSON` when the answer is not JSON: cut off, or an error page
 * @throws BlockedError with code `PULL_NO_RECORDS` when there is no array; the message names what there is
 */
export function findRecords(
  body: Buffer,
  recordsPath: string | undefined,
  contentType: string | undefined,
): readonly Uint8Array[] {
  const value = parseBody(body, contentType);
  const path = recordsPath?.split('.') ?? [];
  const span = findSpan(body, path);
  // Some APIs write an empty list as null.
  if (span !== undefined && path.length > 0 && textAt(body, span) === 'null') return [];
  if (span === undefined || !isArrayAt(body, span)) throw noRecords(value, path);
  return elementSpans(body, span).map(({ start, end }) => body.subarray(start, end));
}

function parseBody(body: Buffer, contentType: string | undefined): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    const type = contentType === undefined ? 'no content type' : `content type ${showPath([contentType])}`;
    throw new TransientError(
      'PULL_NOT_JSON',
      `the answer is not JSON (${type}, ${String(body.length)} bytes): an error page, or cut off; if it stays so, check url and the accept header`,
    );
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function noRecords(root: unknown, path: readonly string[]): BlockedError {
  let value = root;
  let depth = 0;
  for (const name of path) {
    if (!isObject(value) || !Object.hasOwn(value, name)) break;
    value = value[name];
    depth++;
  }
  const place = depth === 0 ? 'the answer' : `"${showPath(path.slice(0, depth))}"`;
  const wanted =
    path.length === 0 ? 'the answer is not an array' : `there is no array at "${showPath(path)}"`;
  return new BlockedError(
    'PULL_NO_RECORDS',
    `${wanted}: ${place} is ${describe(value)}; set recordsPath to the path of the array of records${arraysHint(root)}`,
  );
}

/** Names of fields only, never values. */
function describe(value: unknown): string {
  if (isObject(value)) {
    const names = Object.keys(value);
    const shown = names.slice(0, MAX_NAMES).map((name) => showPath([name]));
    const more = names.length > MAX_NAMES ? ', …' : '';
    return names.length === 0 ? 'an empty object' : `an object with the fields ${shown.join(', ')}${more}`;
  }
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : `a ${typeof value}`;
}

function arraysHint(root: unknown): string {
  if (Array.isArray(root)) return ' (the answer itself is one: remove recordsPath)';
  if (!isObject(root)) return '';
  const paths = Object.entries(root).flatMap(([name, value]) => {
    if (Array.isArray(value)) return [showPath([name])];
    if (!isObject(value)) return [];
    return Object.entries(value)
      .filter(([, below]) => Array.isArray(below))
      .map(([below]) => showPath([name, below]));
  });
  return paths.length === 0 ? '' : ` (arrays are at: ${paths.slice(0, MAX_NAMES).join(', ')})`;
}
