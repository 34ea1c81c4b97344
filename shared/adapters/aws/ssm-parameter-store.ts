import { GetParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { missingParameter } from '../../domain/missing-parameter.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import { callAws, isNamed } from './translate-error.ts';

const CACHE_MS = 5 * 60 * 1000;

/** SSM Parameter Store. A value is read again after five minutes, so a rotated secret needs no new deployment. */
export class SsmParameterStore implements ParameterStore {
  readonly #ssm: SSMClient;
  readonly #clock: Clock;
  readonly #cache = new Map<string, { readonly value: string; readonly untilMs: number }>();

  constructor(options: { readonly ssm: SSMClient; readonly clock: Clock }) {
    this.#ssm = options.ssm;
    this.#clock = options.clock;
  }

  async get(name: string): Promise<string> {
    const cached = this.#cache.get(name);
    if (cached !== undefined && this.#clock.nowMs() < cached.untilMs) return cached.value;
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
    this.#cache.set(name, { value, untilMs: this.#clock.nowMs() + CACHE_MS });
    return value;
  }
}
