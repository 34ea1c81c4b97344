import { isUtf8 } from 'node:buffer';
import { hash } from 'node:crypto';
import type { ValidateFunction } from 'ajv';
import type { ReceivedSourceConfig, SourceConfig } from '../config/schema.ts';
import type { Contract, Violation } from './contract.ts';
import { describeError } from './describe-error.ts';
import { isDate, isDateTime, isLakeTime } from './formats.ts';
import { RecordFlag } from './frame.ts';
import { FINGERPRINT_BYTES, fingerprint, payloadDigest, type KeyPart } from './idempotency-key.ts';
import { MAX_SIGNIFICANT_DIGITS, scanJson, toPathKey } from './scan-json.ts';
import { OPEN_SHAPE, toShape, type Shape } from './shape.ts';
import type { CheckedRecord, Source } from './source.ts';
import { violation } from './violation.ts';

/** Deepest nesting of objects and arrays, the record itself included. */
const MAX_DEPTH = 64;
const MAX_ID_LENGTH = 200;
const NO_WIDE_INTEGERS: ReadonlyMap<string, string> = new Map();
const NO_KEY = new Uint8Array(FINGERPRINT_BYTES);

const QUOTE = 0x22;
const SPACE = 0x20;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const POINT = 0x2e;

type JsonObject = Readonly<Record<string, unknown>>;

/** What checking needs to know of a source. */
export type CheckRules = Pick<SourceConfig, 'contract' | 'key' | 'eventTime'> &
  Partial<Pick<ReceivedSourceConfig, 'orderBy'>>;

/** What one walk over a parsed record finds. */
interface Walk {
  /** Names in all objects; a text with more of them has a name twice in one object. */
  names: number;
  hasUnsafeNumber: boolean;
  isTooDeep: boolean;
  hasProto: boolean;
  /** First field that the contract does not name. */
  unknown: readonly string[] | undefined;
}

function walkObject(value: JsonObject, shape: Shape, depth: number, path: string[], walk: Walk): void {
  const { fields } = shape;
  for (const name in value) {
    walk.names++;
    let below = OPEN_SHAPE;
    if (fields !== undefined) {
      const known = fields.get(name);
      if (known !== undefined) below = known;
      else walk.unknown ??= [...path, name];
    }
    if (name === '__proto__') walk.hasProto = true;
    const part = value[name];
    if (typeof part === 'number') {
      if (!(part <= Number.MAX_SAFE_INTEGER && part >= Number.MIN_SAFE_INTEGER)) walk.hasUnsafeNumber = true;
    } else if (typeof part === 'object' && part !== null) {
      path.push(name);
      walkContainer(part, below, depth + 1, path, walk);
      path.pop();
    }
  }
}

function walkContainer(value: object, shape: Shape, depth: number, path: string[], walk: Walk): void {
  if (depth > MAX_DEPTH) {
    walk.isTooDeep = true;
    return;
  }
  if (!Array.isArray(value)) {
    walkObject(value as JsonObject, shape, depth, path, walk);
    return;
  }
  const element = shape.element ?? OPEN_SHAPE;
  for (let i = 0; i < value.length; i++) {
    const part: unknown = value[i];
    if (typeof part === 'number') {
      if (!(part <= Number.MAX_SAFE_INTEGER && part >= Number.MIN_SAFE_INTEGER)) walk.hasUnsafeNumber = true;
    } else if (typeof part === 'object' && part !== null) {
      path.push(String(i));
      walkContainer(part, element, depth + 1, path, walk);
      path.pop();
    }
  }
}

/**
 * At least the number of names in a JSON text: colons after a quote or white space. Inside of strings such colons are
 * rare, and then the text is only read once more, exactly.
 */
function countNames(text: string): number {
  let count = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) {
    const before = text.charCodeAt(at - 1);
    if (before === QUOTE || before <= SPACE) count++;
  }
  return count;
}

/** Every run of this many characters has a character at a multiple of half of it, and one more half further. */
const LONG_RUN = MAX_SIGNIFICANT_DIGITS + 1;
const HALF_RUN = LONG_RUN / 2;

function isDigitOrPoint(byte: number | undefined): boolean {
  return byte !== undefined && ((byte >= DIGIT_0 && byte <= DIGIT_9) || byte === POINT);
}

/** Significant digits of the run of digits and points around `at`, and where the run ends. */
function measureRun(bytes: Uint8Array, at: number): { digits: number; end: number } {
  let from = at;
  while (isDigitOrPoint(bytes[from - 1])) from--;
  let end = from;
  let digits = 0;
  for (; isDigitOrPoint(bytes[end]); end++) {
    if (bytes[end] !== POINT && (digits > 0 || bytes[end] !== DIGIT_0)) digits++;
  }
  return { digits, end };
}

/** Whether a text may have a number with more digits than a double keeps; only every ninth byte is looked at. */
function hasManyDigits(bytes: Uint8Array): boolean {
  for (let i = 0; i + HALF_RUN < bytes.length; i += HALF_RUN) {
    if (!isDigitOrPoint(bytes[i]) || !isDigitOrPoint(bytes[i + HALF_RUN])) continue;
    const { digits, end } = measureRun(bytes, i);
    if (digits > MAX_SIGNIFICANT_DIGITS) return true;
    i = Math.max(i, end - (end % HALF_RUN) - HALF_RUN);
  }
  return false;
}

const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;

/** Whether JSON.parse may have lost something of this text: only then it is read again, character by character. */
function isSuspicious(bytes: Uint8Array, text: string, walk: Walk): boolean {
  return (
    walk.hasUnsafeNumber ||
    countNames(text) !== walk.names ||
    hasManyDigits(bytes) ||
    (text.includes('\\u') && SURROGATE_ESCAPE.test(text))
  );
}

function valueAt(record: JsonObject, path: readonly string[]): unknown {
  let value: unknown = record;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as JsonObject)[name];
  }
  return value;
}

/** Reads an event time: ms since the epoch, or undefined when it is not one. */
function toTimeMs(
  value: unknown,
  format: NonNullable<CheckRules['eventTime']>['format'],
): number | undefined {
  if (format === 'iso-8601') {
    return typeof value === 'string' && (isDateTime(value) || isDate(value)) ? Date.parse(value) : undefined;
  }
  if (typeof value !== 'number') return undefined;
  const ms = Math.floor(format === 'epoch-seconds' ? value * 1000 : value);
  return isLakeTime(ms) ? ms : undefined;
}

const TIME_WORDS = {
  'iso-8601': 'an instant such as "2026-03-01T09:30:00Z" or a day such as "2026-03-01"',
  'epoch-milliseconds': 'a number of milliseconds since 1970-01-01T00:00:00Z',
  'epoch-seconds': 'a number of seconds since 1970-01-01T00:00:00Z',
} as const;

/**
 * Groups in which records keep their order. A request has a frame for each group that it has records of, and all frames
 * of a group go to one shard: more groups spread over more shards, fewer make larger frames.
 */
const ORDER_GROUPS = 32;

function toOrderGroup(source: string, parts: readonly KeyPart[]): number {
  return fingerprint(source, parts).readUInt32LE() % ORDER_GROUPS;
}

function isScalar(value: unknown): value is KeyPart {
  return typeof value !== 'object' || value === null;
}

/** Not JSON at all, or not an object: refused whatever the contract says. */
function rejected(rule: string, problem: string): CheckedRecord {
  return { status: 'rejected', violations: [violation([], rule, problem)], id: undefined };
}

/**
 * Makes the check of a source's records, see `Source.check`. JSON.parse and the compiled schema do the work; what
 * JSON.parse loses (duplicate names, digits, half surrogates) is looked for by cheap tests, and only a record that
 * fails one is read again exactly.
 *
 * @param validate the contract's schema, compiled by compile-validators.ts
 */
export function createCheck(
  name: string,
  rules: CheckRules,
  contract: Contract,
  validate: ValidateFunction,
): Source['check'] {
  const shape = toShape(contract);
  // Without a declared key the payload as a whole is the key.
  const hasKey = rules.key.length > 0;
  const keyPaths = rules.key.map((path) => path.split('.'));
  const orderPaths = rules.orderBy?.map((path) => path.split('.'));
  const { eventTime } = rules;
  const timePath = eventTime?.path.split('.') ?? [];

  function partsOf(
    paths: readonly (readonly string[])[],
    record: JsonObject,
    wideIntegers: ReadonlyMap<string, string>,
  ): KeyPart[] {
    return paths.map((path) => {
      const value = valueAt(record, path);
      // A number that a double rounds is taken from the text: two neighbours are two keys.
      const exact = typeof value === 'number' ? wideIntegers.get(toPathKey(path)) : undefined;
      if (exact !== undefined) return BigInt(exact);
      return isScalar(value) ? value : undefined;
    });
  }

  function violationsOf(record: JsonObject, walk: Walk): Violation[] {
    const found: Violation[] = [];
    if (walk.hasProto)
      found.push(violation([], 'proto', 'has a field "__proto__", which is not allowed; rename it'));
    if (!validate(record))
      found.push(...(validate.errors ?? []).map((error) => describeError(error, record)));
    if (walk.unknown !== undefined && rules.contract.columns !== 'evolve') {
      found.push(
        violation(
          walk.unknown,
          'unknown-field',
          'is not a field of the contract; remove it or add it to the schema',
        ),
      );
    }
    return found;
  }

  return (bytes, receivedAtMs) => {
    const buffer = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const text = buffer.toString('utf8');
    if (text.includes('\ufffd') && !isUtf8(buffer)) return rejected('utf8', 'is not valid UTF-8');
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return rejected('json', 'is not valid JSON');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return rejected('type', 'must be a JSON object');
    }
    const record = value as JsonObject;
    const walk: Walk = {
      names: 0,
      hasUnsafeNumber: false,
      isTooDeep: false,
      hasProto: false,
      unknown: undefined,
    };
    walkObject(record, shape, 1, [], walk);

    const violations: Violation[] = [];
    let wideIntegers = NO_WIDE_INTEGERS;
    if (walk.isTooDeep) {
      violations.push(violation([], 'depth', `is nested deeper than ${String(MAX_DEPTH)} levels`));
    } else {
      if (isSuspicious(buffer, text, walk)) {
        const scan = scanJson(text, shape);
        violations.push(...scan.violations);
        wideIntegers = scan.wideIntegers;
      }
      violations.push(...violationsOf(record, walk));
    }

    const parts = hasKey ? partsOf(keyPaths, record, wideIntegers) : [hash('sha256', bytes)];
    if (violations.length === 0 && parts.every((part) => part === undefined || part === null)) {
      const path = keyPaths[0] ?? [];
      violations.push(
        violation(path, 'key', 'is missing: the record has none of the fields of the idempotency key'),
      );
    }
    let eventTimeMs: number | undefined = receivedAtMs;
    if (eventTime !== undefined) {
      eventTimeMs = toTimeMs(valueAt(record, timePath), eventTime.format);
      if (eventTimeMs === undefined && violations.length === 0) {
        violations.push(violation(timePath, 'event-time', `must be ${TIME_WORDS[eventTime.format]}`));
      }
    }
    const id =
      !hasKey || parts.includes(undefined)
        ? undefined
        : parts.map(String).join('/').slice(0, MAX_ID_LENGTH).toWellFormed();
    const orderGroup = orderPaths && toOrderGroup(name, partsOf(orderPaths, record, wideIntegers));
    if (violations.length === 0) {
      return {
        status: 'accepted',
        record: {
          bytes,
          flag: walk.unknown === undefined ? RecordFlag.valid : RecordFlag.extra,
          fingerprint: fingerprint(name, parts),
          digest: payloadDigest(bytes),
          eventTimeMs: eventTimeMs ?? receivedAtMs,
          orderGroup,
        },
        violations,
        id,
      };
    }
    const { dataTypes, columns } = rules.contract;
    const isOnlyUnknown = violations.every(({ rule }) => rule === 'unknown-field');
    if ((isOnlyUnknown ? columns : dataTypes) === 'freeze') return { status: 'rejected', violations, id };
    return {
      status: 'quarantined',
      record: {
        bytes,
        flag: RecordFlag.violation,
        fingerprint: NO_KEY,
        digest: payloadDigest(bytes),
        eventTimeMs: eventTimeMs ?? receivedAtMs,
        orderGroup,
      },
      violations,
      id,
    };
  };
}
