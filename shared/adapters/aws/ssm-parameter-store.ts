import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { TransientError } from '../../domain/errors.ts';
import { missingParameter } from '../../domain/missing-parameter.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ParameterAge, ParameterStore } from '../../ports/parameter-store.ts';
import { callAws, isNamed } from './translate-error.ts';

const CACHE_MS = 5 * 60 * 1000;
/** While SSM does not answer, a known value is served without asking again for this long. */
const PATIENCE_MS = 30_000;

interface CachedValue {
  readonly value: string;
  readonly readAtMs: number;
}

/** SSM Parameter Store. A value is read again after five minutes, so a rotated secret needs no new deployment. */
export class SsmParameterStore implements ParameterStore {
  readonly #ssm: SSMClient;
  readonly #clock: Clock;
  readonly #cache = new Map<string, CachedValue>();

  constructor(options: { readonly ssm: SSMClient; readonly clock: Clock }) {
    this.#ssm = options.ssm;
    this.#clock = options.clock;
  }

  async get(name: string, { maxAgeMs = CACHE_MS }: ParameterAge = {}): Promise<string> {
    const cached = this.#cache.get(name);
    if (cached !== undefined && this.#clock.nowMs() - cached.readAtMs < Math.min(CACHE_MS, maxAgeMs)) {
      return cached.value;
    }
    try {
      const value = await this.#read(name);
      this.#cache.set(name, { value, readAtMs: this.#clock.nowMs() });
      return value;
    } catch (error) {
      if (cached === undefined || !(error instanceof TransientError)) throw error;
      const readAtMs = Math.max(cached.readAtMs, this.#clock.nowMs() - CACHE_MS + PATIENCE_MS);
      this.#cache.set(name, { value: cached.value, readAtMs });
      return cached.value;
    }
  }

  async #read(name: string): Promise<string> {
    const value = await callAws({ operation: 'GetParameter', resource: `parameter ${name}` }, async () => {
      try {
        const answer = await this.#ssm.send(new GetParameterCommand({ Name: name, WithDecryption: true }));
        return answer.Parameter?.Value;
      } catch (error) {
        if (isNamed(error, 'ParameterNotFound')) throw missingParameter(name, { cause: error });
        throw error;
      }
    });
    if (value === undefined) throw missingParameter(name);
    return value;
  }
}
