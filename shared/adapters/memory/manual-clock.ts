import type { Clock } from '../../ports/clock.ts';

interface Sleeper {
  readonly wakeAtMs: number;
  readonly wake: () => void;
}

/**
 * A clock that moves only when told. With `jump`, a sleep moves it itself, so that code with backoff runs through
 * at once and the test can look at how long it would have taken.
 */
export class ManualClock implements Clock {
  #nowMs: number;
  readonly #jump: boolean;
  #sleepers: Sleeper[] = [];

  constructor(options: { readonly startMs?: number; readonly jump?: boolean } = {}) {
    this.#nowMs = options.startMs ?? Date.UTC(2026, 0, 1);
    this.#jump = options.jump ?? false;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  sleep(ms: number): Promise<void> {
    if (this.#jump) {
      this.advance(ms);
      return Promise.resolve();
    }
    return new Promise((wake) => {
      this.#sleepers.push({ wakeAtMs: this.#nowMs + ms, wake });
      this.#wakeUp();
    });
  }

  /** Moves the clock and wakes everyone whose time has come, in the order of their times. */
  advance(ms: number): void {
    this.#nowMs += ms;
    this.#wakeUp();
  }

  #wakeUp(): void {
    const due = this.#sleepers.filter(({ wakeAtMs }) => wakeAtMs <= this.#nowMs);
    this.#sleepers = this.#sleepers.filter(({ wakeAtMs }) => wakeAtMs > this.#nowMs);
    for (const { wake } of due.sort((a, b) => a.wakeAtMs - b.wakeAtMs)) wake();
  }
}
