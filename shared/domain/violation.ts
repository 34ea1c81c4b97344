import type { Violation } from './contract.ts';

const MAX_FIELD_LENGTH = 200;

/**
 * A field's path for people: names joined by dots. Names come from the sender, so control characters are escaped and
 * a long path is cut.
 */
export function showPath(path: readonly string[]): string {
  const text = path.join('.');
  const short = text.length > MAX_FIELD_LENGTH ? `${text.slice(0, MAX_FIELD_LENGTH).toWellFormed()}…` : text;
  // eslint-disable-next-line no-control-regex -- control characters are what is escaped
  return short.toWellFormed().replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/**
 * A violation at a field.
 *
 * @param problem what is wrong and what is allowed, as the end of a sentence that begins with the field
 */
export function violation(path: readonly string[], rule: string, problem: string): Violation {
  const field = showPath(path);
  return { field, rule, message: `${field === '' ? 'the record' : `"${field}"`} ${problem}` };
}
