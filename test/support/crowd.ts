import { AsyncLocalStorage } from 'node:async_hooks';
import type { Turn } from '../../shared/adapters/memory/turn.ts';
import { TransientError } from '../../shared/domain/errors.ts';
import { createSeededRandom } from '../../shared/domain/seeded-random.ts';

/** The process was killed: nothing of it happens any more. */
class Killed extends Error {}

interface Member {
  isDead: boolean;
}

export interface CrowdRates {
  /** Chance of a process to die at a call of a store: before it, or after its effect. */
  readonly kill: number;
  /** Chance of a call to fail, before or after its effect. */
  readonly fail: number;
}

/**
 * Processes that run at the same time over stores in memory. At every call of a store chance decides who goes on, who
 * dies and whose call fails.
 */
export class Crowd {
  readonly #random: () => number;
  readonly #waiting: (() => void)[] = [];
  readonly #member = new AsyncLocalStorage<Member>();
  #running = 0;
  rates: CrowdRates;

  constructor(seed: number, rates: CrowdRates) {
    this.#random = createSeededRandom(seed);
    this.rates = rates;
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** A number from 0 to `below - 1`. */
  draw(below: number): number {
    return Math.floor(this.#random() * below);
  }

  /** For the stores. */
  readonly turn: Turn = {
    before: async () => {
      await this.pause();
      this.#strike();
    },
    after: async () => {
      await this.pause();
      this.#strike();
      return undefined;
    },
  };

  /** Lets others go on first. */
  async pause(): Promise<void> {
    const member = this.#member.getStore();
    await new Promise<void>((go) => this.#waiting.push(go));
    if (member?.isDead === true) throw new Killed();
  }

  #strike(): void {
    const member = this.#member.getStore();
    if (member === undefined) return;
    if (this.chance(this.rates.kill)) {
      member.isDead = true;
      throw new Killed();
    }
    if (this.chance(this.rates.fail)) throw new TransientError('AWS_UNAVAILABLE', 'injected');
  }

  /** Starts a process. @param ended whether it came to its end without an error */
  start(work: () => Promise<void>, ended: (isSuccess: boolean) => void): void {
    const member: Member = { isDead: false };
    this.#running++;
    void this.#member
      .run(member, work)
      .then(
        () => true,
        (error: unknown) => {
          if (error instanceof Killed || error instanceof TransientError || member.isDead) return false;
          this.#error ??= error;
          return false;
        },
      )
      .then((isSuccess) => {
        this.#running--;
        ended(isSuccess);
      });
  }

  #error: unknown;

  /** Lets one step happen. @returns false when nothing runs */
  async step(): Promise<boolean> {
    await new Promise(setImmediate);
    if (this.#error !== undefined) throw this.#error as Error;
    if (this.#running === 0 && this.#waiting.length === 0) return false;
    const [go] = this.#waiting.splice(this.draw(this.#waiting.length), 1);
    go?.();
    return true;
  }
}
