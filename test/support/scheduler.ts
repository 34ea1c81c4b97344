import { createSeededRandom } from '../../shared/domain/seeded-random.ts';
import type { StoreCall, Turn } from '../../shared/adapters/memory/turn.ts';

/** Draws from a seed, so that a failing schedule can be run again. */
export class Rng {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = createSeededRandom(seed);
  }

  int(below: number): number {
    return Math.floor(this.#random() * below);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }
}

/** The process died: nothing after this point runs. */
export class Crash extends Error {}

export interface FaultRates {
  /** Chance that an answer is lost and the SDK repeats the call. */
  readonly lostAnswer: number;
  /** Chance, before and after every effect, that the process dies. */
  readonly crash: number;
  /** Chance that a call fails for a passing reason, before its effect or after it. */
  readonly failure: number;
}

/** One process whose store calls are scheduled. */
export interface Process {
  readonly turn: Turn;
}

/**
 * Runs processes step by step in an order drawn from a seed: every store call is a place where another process can go
 * on first, where the process can die and where the answer can get lost.
 */
export class Scheduler {
  readonly #rng: Rng;
  readonly #rates: FaultRates;
  #waiting: { readonly go: () => void; readonly slow: boolean }[] = [];
  #afterEffect: () => void;
  calls = 0;
  readonly faults = { lostAnswers: 0, crashes: 0, failures: 0 };

  /** @param afterEffect runs after every effect: checks what must hold at any time */
  constructor(rng: Rng, rates: FaultRates, afterEffect: () => void) {
    this.#rng = rng;
    this.#rates = rates;
    this.#afterEffect = afterEffect;
  }

  /** Waits until it is the caller's turn. A slow process is rarely chosen: it outlives those who gave up on it. */
  pause(slow = false): Promise<void> {
    return new Promise((go) => this.#waiting.push({ go, slow }));
  }

  /** @param transient makes the error of a passing failure */
  process(slow: boolean, transient: (call: StoreCall) => Error): Process {
    const crash = (): void => {
      if (!this.#rng.chance(this.#rates.crash)) return;
      this.faults.crashes++;
      throw new Crash('crashed');
    };
    const fail = (call: StoreCall): void => {
      if (!this.#rng.chance(this.#rates.failure)) return;
      this.faults.failures++;
      throw transient(call);
    };
    return {
      turn: {
        before: async (call) => {
          this.calls++;
          await this.pause(slow);
          crash();
          fail(call);
        },
        after: async (call) => {
          this.#afterEffect();
          if (this.#rng.chance(this.#rates.lostAnswer)) {
            this.faults.lostAnswers++;
            return 'repeat';
          }
          crash();
          fail(call);
          await this.pause(slow);
          return undefined;
        },
      },
    };
  }

  /**
   * Lets processes go on until none waits.
   *
   * @throws Error after `maxSteps`: they wait for each other for ever
   */
  async run(maxSteps = 500_000): Promise<void> {
    for (let step = 0; ; step++) {
      await new Promise<void>((done) => setImmediate(done));
      if (this.#waiting.length === 0) return;
      if (step > maxSteps) throw new Error('livelock: the processes do not come to an end');
      let chosen = this.#rng.int(this.#waiting.length);
      if (this.#waiting[chosen]?.slow === true && !this.#rng.chance(0.15)) {
        chosen = this.#rng.int(this.#waiting.length);
      }
      const [next] = this.#waiting.splice(chosen, 1);
      next?.go();
    }
  }
}
