import { BlockedError, TransientError } from '../../domain/errors.ts';
import { findEach, toPathSteps, type PathStep } from '../../domain/json-path.ts';
import { elementSpans, isArrayAt, textAt, type Span } from '../../domain/json-spans.ts';
import { showPath } from '../../domain/violation.ts';

const MAX_NAMES = 12;

/**
 * The records of an answer, as slices of its original bytes.
 *
 * @param recordsPath where the array is, or with `[*]` the arrays; undefined when the answer itself is the array
 * @throws TransientError with code `PULL_NOT_JSON` when the answer is not JSON: cut off, or an error page
 * @throws BlockedError with code `PULL_NO_RECORDS` when there is no array; the message names what there is
 */
export function findRecords(
  body: Buffer,
  recordsPath: string | undefined,
  contentType: string | undefined,
): readonly Uint8Array[] {
  const value = parseBody(body, contentType);
  const path = recordsPath === undefined ? [] : toPathSteps(recordsPath);
  const arrays = findArrays(body, path);
  if (arrays === undefined) throw noRecords(value, recordsPath ?? '', path);
  return arrays
    .flatMap((array) => elementSpans(body, array))
    .map(({ start, end }) => body.subarray(start, end));
}

/** The arrays at a path; undefined when something else is there, or nothing. */
function findArrays(body: Buffer, path: readonly PathStep[]): readonly Span[] | undefined {
  const spans = findEach(body, path);
  const all = path.indexOf(undefined);
  // No elements, no arrays in them.
  if (spans.length === 0)
    return all !== -1 &&
      findArrays(body, path.slice(0, all))?.every((array) => elementSpans(body, array).length === 0)
      ? []
      : undefined;
  // Some APIs write an empty list as null.
  const arrays = path.length === 0 ? spans : spans.filter((span) => textAt(body, span) !== 'null');
  return arrays.every((span) => isArrayAt(body, span)) ? arrays : undefined;
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

function noRecords(root: unknown, recordsPath: string, path: readonly PathStep[]): BlockedError {
  let value = root;
  const reached: string[] = [];
  for (const step of path) {
    const below = childOf(value, step);
    if (below === undefined) break;
    value = below;
    reached.push(typeof step === 'string' ? step : `[${String(step ?? 0)}]`);
  }
  const place = reached.length === 0 ? 'the answer' : `"${showPath(reached)}"`;
  const wanted = path.length === 0 ? 'the answer is not an array' : `there is no array at "${recordsPath}"`;
  return new BlockedError(
    'PULL_NO_RECORDS',
    `${wanted}: ${place} is ${describe(value)}; set recordsPath to the path of the array of records${arraysHint(root)}`,
  );
}

function childOf(value: unknown, step: PathStep): unknown {
  if (typeof step !== 'string') return Array.isArray(value) ? (value as unknown[]).at(step ?? 0) : undefined;
  return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
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
