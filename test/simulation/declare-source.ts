import { parseConfig } from '../../shared/config/define-config.ts';
import type { CheckedRecord, Source } from '../../shared/domain/source.ts';
import { RecordFlag } from '../../shared/domain/frame.ts';
import { fingerprint, payloadDigest } from '../../shared/domain/idempotency-key.ts';

export type Dedupe = 'record' | 'request' | 'none';

/**
 * What a record is to its contract.
 *
 * - `valid`: meets every version of the contract
 * - `unwritable`: meets every version and cannot be written all the same
 * - `violation`: meets none
 * - `loosened`, `tightened`: meets the second version only, the first version only
 */
export type Nature = 'valid' | 'unwritable' | 'violation' | 'loosened' | 'tightened';

export type ContractVersion = 'c1' | 'c2';

/** What is declared about a simulated source. */
export interface SourceShape {
  readonly name: string;
  readonly dedupe: Dedupe;
  /** Whether the event time is part of the key. */
  readonly timeInKey: boolean;
}

/** The body of a simulated record. */
export interface Body {
  readonly k: string;
  /** Event time, ms since the epoch. */
  readonly t: number;
  /** What makes payloads of one key differ. */
  readonly p: string;
  readonly n: Nature;
}

export const WINDOW_MS = 7 * 86_400_000;

/** Whether a record meets a version of the contract. */
export function meets(nature: Nature, version: ContractVersion): boolean {
  switch (nature) {
    case 'valid':
    case 'unwritable':
      return true;
    case 'violation':
      return false;
    case 'loosened':
      return version === 'c2';
    case 'tightened':
      return version === 'c1';
  }
}

export function keyOf({ name, timeInKey }: Pick<SourceShape, 'name' | 'timeInKey'>, { k, t }: Body): Buffer {
  return fingerprint(name, timeInKey ? [k, t] : [k]);
}

const NO_KEY = Buffer.alloc(16);
const declared = new Map<string, Source>();

/** A source of the simulation; the same ones are declared once. */
export function declareSource(
  shape: SourceShape,
  version: ContractVersion,
  partition: 'hour' | 'day',
): Source {
  const name = JSON.stringify([shape, version, partition]);
  let source = declared.get(name);
  if (source === undefined) declared.set(name, (source = compile(shape, version, partition)));
  return source;
}

function compile(shape: SourceShape, version: ContractVersion, partition: 'hour' | 'day'): Source {
  const { name, dedupe, timeInKey } = shape;
  const config = parseConfig({
    sources: {
      [name]: {
        type: 'push',
        freshness: '30 seconds',
        volume: { gbPerDay: 1 },
        contract: {
          schema: { type: 'object', properties: { k: { type: 'string' }, t: { type: 'integer' } } },
        },
        key: timeInKey ? ['k', 't'] : ['k'],
        eventTime: { path: 't', format: 'epoch-milliseconds' },
        partition,
        dedupe,
        dedupeWindow: '7 days',
      },
    },
  }).sources[name];
  if (config === undefined) throw new Error(`${name} is not declared`);
  return {
    name,
    config,
    contract: { version, schema: {}, columns: [] },
    check: (bytes) => check(shape, version, bytes),
  };
}

/** A check by hand: compiling contracts for thousands of runs is not what is simulated. */
function check(shape: SourceShape, version: ContractVersion, bytes: Uint8Array): CheckedRecord {
  const body = JSON.parse(Buffer.from(bytes).toString()) as Body;
  const isValid = meets(body.n, version);
  return {
    status: isValid ? 'accepted' : 'quarantined',
    record: {
      bytes,
      flag: isValid ? RecordFlag.valid : RecordFlag.violation,
      fingerprint: isValid ? keyOf(shape, body) : NO_KEY,
      digest: payloadDigest(bytes),
      eventTimeMs: body.t,
    },
    violations: isValid ? [] : [{ field: 'n', rule: 'enum', message: `n must not be ${body.n}` }],
    id: body.k,
  };
}
