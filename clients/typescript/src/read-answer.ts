import type { RecordError, RecordResult } from './record-result.ts';

type Json = Readonly<Record<string, unknown>>;

const COUNTED = ['accepted', 'duplicates', 'quarantined', 'rejected'] as const;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a text that is the JSON of an object. */
export function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads what became of each record from the answer to a request. Whatever is not the complete answer of the API to this
 * many records, such as a page of a proxy, says nothing about them.
 *
 * @param count records of the request
 * @returns results in the order of the request; undefined when the answer does not account for every record
 */
export function readAnswer(answer: Json, count: number): RecordResult[] | undefined {
  const counts = COUNTED.map((name) => answer[name]);
  const total = counts.reduce<number>((sum, value) => sum + (typeof value === 'number' ? value : NaN), 0);
  const listed = answer['results'];
  if (total !== count || !Array.isArray(listed)) return undefined;
  const results = Array.from({ length: count }, (): RecordResult => ({ status: 'accepted' }));
  for (const item of listed as readonly unknown[]) {
    const result = isObject(item) ? readResult(item) : undefined;
    const index = isObject(item) ? item['index'] : undefined;
    if (result === undefined || typeof index !== 'number' || results[index] === undefined) return undefined;
    results[index] = result;
  }
  const [accepted] = counts;
  return results.filter(({ status }) => status === 'accepted').length === accepted ? results : undefined;
}

function readResult({ status, id, error }: Json): RecordResult | undefined {
  const identified = typeof id === 'string' ? { id } : {};
  switch (status) {
    case 'accepted':
    case 'duplicate':
      return { ...identified, status };
    case 'quarantined':
    case 'rejected':
      return { ...identified, status, error: readError(error) };
    default:
      return undefined;
  }
}

function readError(error: unknown): RecordError {
  if (!isObject(error) || typeof error['rule'] !== 'string') return { rule: 'unknown' };
  const { rule, field, message } = error;
  return {
    rule,
    ...(typeof field === 'string' ? { field } : {}),
    ...(typeof message === 'string' ? { message } : {}),
  };
}
