import type { FaultRates } from '../../shared/adapters/faults/fault-plan.ts';
import { CloudError } from '../cloud-error.ts';

/** Faults between what runs on the embedded cloud and its stores. */
export interface StoreFaults {
  /** The same seed gives the same decisions, in the order in which the calls come. */
  readonly seed: number;
  /** Share of the calls that each fault happens to, 0 to 1. */
  readonly rates: FaultRates;
}

const KINDS = [
  'delay',
  'throttle',
  'server-error',
  'access-denied',
  'conflict',
  'reset-before',
  'reset-after',
  'partial',
] as const satisfies readonly (keyof FaultRates)[];

const EXAMPLE = '--faults seed=1,throttle=0.05,reset-after=0.05';

/**
 * Reads faults from the command line: `seed=1,throttle=0.05,…`; without a seed it is 1.
 *
 * @throws CloudError that names the part that is wrong and what is allowed
 */
export function parseStoreFaults(text: string): StoreFaults {
  let seed = 1;
  const rates: Partial<Record<(typeof KINDS)[number], number>> = {};
  for (const part of text.split(',')) {
    const [name = '', value = ''] = part.split('=').map((piece) => piece.trim());
    const number = value === '' ? Number.NaN : Number(value);
    const kind = KINDS.find((known) => known === name);
    if (name === 'seed') {
      if (!Number.isInteger(number)) throw wrong(part, 'the seed must be an integer');
      seed = number;
    } else if (kind === undefined) {
      throw wrong(part, `it must be seed or one of ${KINDS.join(', ')}, with a value after "="`);
    } else if (!(number >= 0 && number <= 1)) {
      throw wrong(part, 'a rate must be a number from 0 to 1');
    } else {
      rates[kind] = number;
    }
  }
  // Entries of PutRecords fail beside whatever happens to the call.
  const sum = KINDS.reduce((total, kind) => (kind === 'partial' ? total : total + (rates[kind] ?? 0)), 0);
  if (sum > 1) throw wrong(text, `the rates without partial add up to ${String(sum)}; it must be 1 at most`);
  return { seed, rates };
}

function wrong(part: string, problem: string): CloudError {
  return new CloudError(`--faults: ${JSON.stringify(part)} is not valid: ${problem}.`, `Example: ${EXAMPLE}`);
}

/** Faults in one line, for people. */
export function describeStoreFaults({ seed, rates }: StoreFaults): string {
  const parts = Object.entries(rates).map(
    ([kind, rate]) => `${kind} ${String(Math.round(rate * 1000) / 10)} %`,
  );
  return `seed ${String(seed)}: ${parts.length === 0 ? 'none' : parts.join(', ')}`;
}
