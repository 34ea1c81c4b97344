import type { ErrorObject } from 'ajv';
import type { Violation } from './contract.ts';
import { FORMATS } from './formats.ts';
import { showPath, violation } from './violation.ts';

type Params = Readonly<Record<string, unknown>>;

const MAX_SHOWN_VALUES = 20;

function typeName(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value)
    ? 'an array'
    : `a${typeof value === 'object' ? 'n object' : ` ${typeof value}`}`;
}

function plural(count: unknown, noun: string): string {
  return `${String(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Values of the contract (never of the record) as JSON. */
function list(values: unknown): string {
  const all: unknown[] = Array.isArray(values) ? values : [values];
  const shown = all.slice(0, MAX_SHOWN_VALUES).map((value) => JSON.stringify(value));
  return (
    shown.join(', ') + (all.length > shown.length ? ` or ${String(all.length - shown.length)} others` : '')
  );
}

/** What each keyword demands, as the end of a sentence. Values of the record are never repeated. */
const DEMANDS: Readonly<Record<string, (params: Params, value: unknown) => string>> = {
  type: ({ type }, value) => {
    const types: unknown[] = Array.isArray(type) ? type : [type];
    return `must be of type ${types.map(String).join(' or ')}, and is ${typeName(value)}`;
  },
  required: () => 'is missing',
  enum: ({ allowedValues }) => `must be one of ${list(allowedValues)}`,
  const: ({ allowedValue }) => `must be ${list(allowedValue)}`,
  format: ({ format }) => `must be ${FORMATS[String(format)]?.allowed ?? `a ${String(format)}`}`,
  pattern: ({ pattern }) => `must match the pattern ${String(pattern)}`,
  minimum: ({ limit }) => `must be at least ${String(limit)}`,
  maximum: ({ limit }) => `must be at most ${String(limit)}`,
  exclusiveMinimum: ({ limit }) => `must be more than ${String(limit)}`,
  exclusiveMaximum: ({ limit }) => `must be less than ${String(limit)}`,
  multipleOf: ({ multipleOf }) => `must be a multiple of ${String(multipleOf)}`,
  minLength: ({ limit }) => `must have at least ${plural(limit, 'character')}`,
  maxLength: ({ limit }) => `must have at most ${plural(limit, 'character')}`,
  minItems: ({ limit }) => `must have at least ${plural(limit, 'element')}`,
  maxItems: ({ limit }) => `must have at most ${plural(limit, 'element')}`,
  uniqueItems: () => 'must not have an element twice',
  minProperties: ({ limit }) => `must have at least ${plural(limit, 'field')}`,
  maxProperties: ({ limit }) => `must have at most ${plural(limit, 'field')}`,
  additionalProperties: () => 'is not a field of the contract; remove it or add it to the schema',
  unevaluatedProperties: () => 'is not a field of the contract; remove it or add it to the schema',
  dependentRequired: ({ property }) => `is missing; it is required beside "${showPath([String(property)])}"`,
};

/** The parameter that names a field below the place where the error is reported. */
const FIELD_PARAMETER: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  dependentRequired: 'missingProperty',
  additionalProperties: 'additionalProperty',
  unevaluatedProperties: 'unevaluatedProperty',
};

/** Turns an error of the compiled schema into a violation whose message names the field and what is allowed. */
export function describeError(error: ErrorObject, record: unknown): Violation {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'));
  const params: Params = error.params;
  const value = path.reduce<unknown>((part, name) => (part as Params)[name], record);
  const demand =
    DEMANDS[error.keyword]?.(params, value) ?? error.message ?? `breaks the rule ${error.keyword}`;
  const parameter = FIELD_PARAMETER[error.keyword];
  return violation(
    parameter === undefined ? path : [...path, String(params[parameter])],
    error.keyword,
    demand,
  );
}
