import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currentAccessToken, type RefreshDeps } from '../../../shared/adapters/http/auth/refresh-tokens.ts';
import { InvalidGrantError, type TokenAnswer } from '../../../shared/adapters/http/auth/request-token.ts';
import { MemoryTokenStore } from '../../../shared/adapters/memory/memory-token-store.ts';
import { TransientError } from '../../../shared/domain/errors.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import { Rng } from '../../simulation/rng.ts';

/* Instances that refresh at the same time, with a provider that revokes everything when a token is used twice. */

const LIFETIME_MS = 300_000;

class Provider {
  #current = 'seed';
  readonly #spent = new Set<string>();
  #issued = 0;
  isRevoked = false;
  valid = new Set<string>();

  refresh(token: string, nowMs: number): TokenAnswer {
    if (this.#spent.has(token)) this.isRevoked = true;
    if (this.isRevoked || token !== this.#current)
      throw new InvalidGrantError('TOKEN_REFUSED', 'invalid_grant');
    this.#spent.add(token);
    const n = String(++this.#issued);
    this.#current = `refresh-${n}`;
    // The access token before this one is worth nothing any more.
    this.valid = new Set([`access-${n}`]);
    return {
      access: { token: `access-${n}`, expiresAtMs: nowMs + LIFETIME_MS },
      refreshToken: this.#current,
    };
  }
}

describe('instances that share a refresh token', () => {
  test('never use one twice, and all of them get an access token', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(),
        fc.integer({ min: 2, max: 5 }),
        fc.array(fc.boolean(), { maxLength: 12 }),
        async (seed, instances, failures) => {
          const rng = new Rng(seed);
          /** Lets the others go on, for some turns. */
          const yieldToOthers = async (): Promise<void> => {
            for (let turns = rng.int(4); turns >= 0; turns--) await nextTurn();
          };
          const provider = new Provider();
          const store = new MemoryTokenStore({
            turn: { before: yieldToOthers },
          });
          let nowMs = 0;
          let inFlight = 0;
          const clock: Clock = {
            nowMs: () => nowMs,
            async sleep(ms) {
              await yieldToOthers();
              // No request takes longer than its lease.
              nowMs += inFlight > 0 ? 1 : ms;
            },
          };
          let calls = 0;
          const instance = async (n: number): Promise<void> => {
            const deps: RefreshDeps = {
              name: 'items',
              owner: `instance-${String(n)}`,
              store,
              clock,
              configured: 'seed',
              parameter: '/refresh',
              timeoutMs: 30_000,
              async exchange(token) {
                inFlight++;
                try {
                  await yieldToOthers();
                  // Nothing of a request that does not arrive is left at the provider.
                  if (failures[calls++] === true) throw new TransientError('PULL_UNREACHABLE', 'reset');
                  const answer = provider.refresh(token, nowMs);
                  await yieldToOthers();
                  return answer;
                } finally {
                  inFlight--;
                }
              },
            };
            let token: string | undefined;
            for (let round = 0; round < 3;) {
              try {
                ({ token } = await currentAccessToken(deps, token, Number.POSITIVE_INFINITY));
                round++;
              } catch (error) {
                if (!(error instanceof TransientError)) throw error;
              }
            }
          };
          await Promise.all(Array.from({ length: instances }, (_, n) => instance(n)));
          expect(provider.isRevoked).toBe(false);
          expect((await store.read('items')).lease).toBeUndefined();
        },
      ),
      { numRuns: 60 },
    );
  });
});
