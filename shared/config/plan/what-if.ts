import * as z from 'zod';
import { requestRecords, shardCount } from '../fields.ts';
import type { HeadgateConfig, SourceConfig } from '../schema.ts';
import { parseDurationMs } from '../units.ts';
import { atFreshness } from './at-freshness.ts';
import { withSource } from './source-facts.ts';

/** A text that is no change. */
export class WhatIfError extends Error {}

/** What can be changed, how it is read, and what it changes. */
interface Key {
  /** For the list of what there is. */
  readonly values: string;
  readonly apply: (source: SourceConfig, value: string) => SourceConfig;
}

const numberOf = (key: string, value: string, example: string): number => {
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number) && number > 0) return number;
  throw new WhatIfError(
    `${key}: "${value}" must be a number above 0 without a unit, which the key names, such as ${key}=${example}`,
  );
};

/** A whole number within the limits of its field. */
const wholeOf = (key: string, value: string, example: string, field: z.ZodInt = z.int()): number => {
  const number = numberOf(key, value, example);
  if (field.safeParse(number).success) return number;
  const most =
    field.maxValue === null || field.maxValue === Number.MAX_SAFE_INTEGER
      ? ''
      : `, ${String(field.maxValue)} at most`;
  throw new WhatIfError(`${key}: "${value}" must be a whole number${most}, such as ${key}=${example}`);
};

const oneOf = <Value extends string>(key: string, value: string, allowed: readonly Value[]): Value => {
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new WhatIfError(`${key}: "${value}" must be one of ${allowed.join(', ')}`);
  return found;
};

const MIN_FRESHNESS_MS = 1_000;
const MAX_FRESHNESS_MS = 30 * 86_400_000;

function withVolume(
  source: SourceConfig,
  change: { readonly gbPerDay?: number; readonly recordsPerSecond?: number; readonly recordBytes?: number },
): SourceConfig {
  const { volume } = source;
  const { recordBytes } = { ...volume, ...change };
  if (change.gbPerDay !== undefined)
    return {
      ...source,
      volume: { gbPerDay: change.gbPerDay, ...(recordBytes !== undefined && { recordBytes }) },
    };
  if ('gbPerDay' in volume && change.recordsPerSecond === undefined)
    return { ...source, volume: { ...volume, recordBytes } };
  const recordsPerSecond = change.recordsPerSecond ?? ('gbPerDay' in volume ? 0 : volume.recordsPerSecond);
  return { ...source, volume: { recordsPerSecond, recordBytes: recordBytes ?? 1_000 } };
}

const onlyFor = (key: string, source: SourceConfig, types: readonly SourceConfig['type'][]): void => {
  if (!types.includes(source.type))
    throw new WhatIfError(`${key}: a source of type ${source.type} has none; it is for ${types.join(', ')}`);
};

const KEYS: Readonly<Record<string, Key>> = {
  freshness: {
    values: 'a duration such as 5 minutes; what is read as a whole then has another volume',
    apply: (source, value) => {
      const ms = parseDurationMs(value);
      if (ms === undefined || ms < MIN_FRESHNESS_MS || ms > MAX_FRESHNESS_MS) {
        throw new WhatIfError(
          `freshness: "${value}" must be a number and a unit (seconds, minutes, hours, days) from "1 second" to "30 days", such as freshness=5 minutes`,
        );
      }
      return atFreshness(source, value);
    },
  },
  gbPerDay: {
    values: 'GB (1e9 bytes of raw JSON) a day',
    apply: (source, value) => withVolume(source, { gbPerDay: numberOf('gbPerDay', value, '400') }),
  },
  recordsPerSecond: {
    values: 'records a second',
    apply: (source, value) =>
      withVolume(source, { recordsPerSecond: numberOf('recordsPerSecond', value, '1000') }),
  },
  recordBytes: {
    values: 'bytes of a record',
    apply: (source, value) => withVolume(source, { recordBytes: wholeOf('recordBytes', value, '900') }),
  },
  recordsPerRequest: {
    values: 'records in a request (push)',
    apply: (source, value) => {
      onlyFor('recordsPerRequest', source, ['push']);
      const recordsPerRequest = wholeOf('recordsPerRequest', value, '500', requestRecords);
      return source.type === 'push' ? { ...source, recordsPerRequest } : source;
    },
  },
  pattern: {
    values: 'stream, micro-batch or planned (push, webhook)',
    apply: (source, value) => {
      onlyFor('pattern', source, ['push', 'webhook']);
      const pattern = oneOf('pattern', value, ['stream', 'micro-batch', 'planned']);
      if (source.type !== 'push' && source.type !== 'webhook') return source;
      if (pattern === 'micro-batch' && source.orderBy !== undefined)
        throw new WhatIfError(
          'pattern: cannot be "micro-batch" together with orderBy: order is kept by the stream',
        );
      return { ...source, pattern: pattern === 'planned' ? undefined : pattern };
    },
  },
  changes: {
    values: 'append, upserts or upserts-and-deletes',
    apply: (source, value) => ({
      ...source,
      changes: oneOf('changes', value, ['append', 'upserts', 'upserts-and-deletes']),
    }),
  },
  dedupe: {
    values: 'record, request or none (push, webhook, stream)',
    apply: (source, value) => {
      onlyFor('dedupe', source, ['push', 'webhook', 'stream']);
      const dedupe = oneOf('dedupe', value, ['record', 'request', 'none']);
      return source.type === 'push' || source.type === 'webhook' || source.type === 'stream'
        ? { ...source, dedupe }
        : source;
    },
  },
  shards: {
    values: 'shards (stream)',
    apply: (source, value) => {
      onlyFor('shards', source, ['stream']);
      return source.type === 'stream'
        ? { ...source, shards: wholeOf('shards', value, '2', shardCount) }
        : source;
    },
  },
  usdPerGb: {
    values: 'budget, US dollars per GB',
    apply: (source, value) => ({
      ...source,
      budget: { ...source.budget, usdPerGb: numberOf('usdPerGb', value, '0.05') },
    }),
  },
  usdPerMonth: {
    values: 'budget, US dollars a month',
    apply: (source, value) => ({
      ...source,
      budget: { ...source.budget, usdPerMonth: numberOf('usdPerMonth', value, '20') },
    }),
  },
};

const isFreshness = (part: string): boolean => part.trimStart().startsWith('freshness');

/** What a what-if can change, for help and errors. */
export const WHAT_IF_KEYS = Object.entries(KEYS)
  .map(([name, { values }]) => `${name} (${values})`)
  .join(', ');

/**
 * A configuration with other answers of one source: `freshness=5 minutes,gbPerDay=400`.
 *
 * @throws WhatIfError that names the key, what is wrong with its value, and what is allowed
 */
export function applyWhatIf(config: HeadgateConfig, name: string, text: string): HeadgateConfig {
  const source = config.sources[name];
  if (source === undefined) throw new WhatIfError(`there is no source ${name}`);
  const seen = new Set<string>();
  // A freshness first: with it changes the volume of what is read as a whole, unless another one is named.
  const parts = text.split(',').sort((a, b) => Number(isFreshness(b)) - Number(isFreshness(a)));
  const changed = parts.reduce((current, part) => {
    const at = part.indexOf('=');
    if (at === -1)
      throw new WhatIfError(`"${part.trim()}" must be a key, "=" and a value, such as freshness=5 minutes`);
    const key = part.slice(0, at).trim();
    const found = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined;
    if (found === undefined) throw new WhatIfError(`"${key}" cannot be changed; there are ${WHAT_IF_KEYS}`);
    if (seen.has(key)) throw new WhatIfError(`"${key}" is there twice; say it once`);
    seen.add(key);
    return found.apply(current, part.slice(at + 1).trim());
  }, source);
  if (seen.has('gbPerDay') && seen.has('recordsPerSecond'))
    throw new WhatIfError('gbPerDay and recordsPerSecond both say the volume; keep one of them');
  return withSource(config, name, changed);
}
