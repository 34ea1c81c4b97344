import type { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { BlockedError, TransientError } from '../../shared/domain/errors.ts';
import { FAULT_KINDS, type FaultKind, type FaultRates } from './faults.ts';
import type { Rng } from './rng.ts';

/** The process died: nothing after this point runs. */
export class Crash extends Error {}

/** One call of a store. */
export interface ScheduledCall {
  readonly port: string;
  readonly operation: string;
  /** Lane, bucket, key or other name that the call is about. */
  readonly subject: string;
}

/** One line of a trace: who called what, and what became of it. */
export type Trace = (line: string) => void;

export interface SchedulerOptions {
  readonly rng: Rng;
  readonly clock: ManualClock;
  readonly rates: FaultRates;
  readonly trace?: Trace | undefined;
  /** Steps after which the processes are taken to be stuck: far more than any run needs. */
  readonly maxSteps: number;
}

/** A process may be chosen, or it is chosen rarely: it outlives those who gave up on it. */
type Pace = 'normal' | 'slow';

interface Waiting {
  readonly go: () => void;
  readonly pace: Pace;
}

/** How often a slow process that was chosen really goes on. */
const SLOW_CHANCE = 0.15;
/** A call takes up to this long. */
const CALL_MS = 60;
/** A call that hangs takes longer than any lease. */
const HANG_MS = 15_000;
const HANG_TURNS = 8;
/** Turns until a request that was given up arrives all the same. */
const LATE_TURNS = 12;

/**
 * Runs processes step by step in an order drawn from a seed: every store call is a place where another process can go
 * on first, where the process can die, where the request or its answer can get lost or arrive late.
 */
export class Scheduler {
  readonly #rng: Rng;
  readonly #clock: ManualClock;
  readonly #rates: FaultRates;
  readonly #trace: Trace | undefined;
  readonly #maxSteps: number;
  readonly #waiting: Waiting[] = [];
  /** Calls of stores, repetitions by the SDK included. */
  calls = 0;
  readonly faults = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  /** Without faults every call succeeds; the order is drawn all the same. */
  isFaulty = true;

  constructor({ rng, clock, rates, trace, maxSteps }: SchedulerOptions) {
    this.#rng = rng;
    this.#clock = clock;
    this.#rates = rates;
    this.#trace = trace;
    this.#maxSteps = maxSteps;
  }

  /** Waits until it is the caller's turn. */
  pause(pace: Pace = 'normal'): Promise<void> {
    return new Promise((go) => this.#waiting.push({ go, pace }));
  }

  async pauses(turns: number, pace: Pace = 'normal'): Promise<void> {
    for (let turn = 0; turn < turns; turn++) await this.pause(pace);
  }

  /** @param isCalm whether nothing befalls it */
  process(name: string, pace: Pace = 'normal', isCalm = false): Process {
    return new Process(this, name, pace, isCalm);
  }

  note(line: string): void {
    this.#trace?.(line);
  }

  /** Draws the fault of a moment, and counts it. */
  draw(kinds: readonly FaultKind[]): FaultKind | undefined {
    if (!this.isFaulty) return undefined;
    let left = this.#rng.next();
    for (const kind of kinds) {
      left -= this.#rates[kind];
      if (left >= 0) continue;
      this.faults[kind]++;
      return kind;
    }
    return undefined;
  }

  /** The time that a call takes. */
  spend(): void {
    this.#clock.advance(this.#rng.int(CALL_MS));
  }

  /** A call that takes so long that others overtake it, and a lease runs out. */
  async hang(pace: Pace): Promise<void> {
    this.#clock.advance(this.#rng.int(HANG_MS));
    await this.pauses(1 + this.#rng.int(HANG_TURNS), pace);
  }

  /** The request arrives when nobody waits for it any more. */
  arriveLate(effect: () => Promise<unknown>, what: string): void {
    const turns = 1 + this.#rng.int(LATE_TURNS);
    void this.pauses(turns, 'slow')
      .then(effect)
      .then(
        () => {
          this.note(`${what} arrives late`);
        },
        () => undefined,
      );
  }

  /** How a late request ends for whoever sent it. */
  drawLateEnd(): 'crash' | 'error' | 'repeat' {
    const dice = this.#rng.int(3);
    return dice === 0 ? 'crash' : dice === 1 ? 'error' : 'repeat';
  }

  /**
   * Lets processes go on until none waits, or until it is over.
   *
   * @returns false when they do not come to an end
   */
  async run(isOver: () => boolean): Promise<boolean> {
    for (let step = 0; step < this.#maxSteps; step++) {
      // Runs when no promise is left that could go on: everything waits for its turn.
      await new Promise<void>((done) => {
        process.nextTick(done);
      });
      const { length } = this.#waiting;
      if (length === 0 || isOver()) return true;
      let chosen = this.#rng.int(length);
      if (this.#waiting[chosen]?.pace === 'slow' && !this.#rng.chance(SLOW_CHANCE))
        chosen = this.#rng.int(length);
      const next = this.#waiting[chosen];
      const last = this.#waiting.pop();
      if (last !== undefined && chosen < length - 1) this.#waiting[chosen] = last;
      next?.go();
    }
    return false;
  }
}

const BEFORE = ['crashBefore', 'failureBefore', 'throttled', 'denied', 'late', 'hang'] as const;
const AFTER = ['repeated', 'unanswered', 'crashAfter'] as const;

/** One process: its calls are scheduled, and disturbed. */
export class Process {
  readonly name: string;
  readonly #scheduler: Scheduler;
  readonly #pace: Pace;
  readonly #isCalm: boolean;
  #isDead = false;

  constructor(scheduler: Scheduler, name: string, pace: Pace, isCalm: boolean) {
    this.#scheduler = scheduler;
    this.name = name;
    this.#pace = pace;
    this.#isCalm = isCalm;
  }

  /** @throws Crash, and from then on with every call, when the process dies; errors of the port */
  async call<Answer>(call: ScheduledCall, effect: () => Promise<Answer>): Promise<Answer> {
    const scheduler = this.#scheduler;
    for (;;) {
      this.#assertAlive();
      scheduler.calls++;
      await scheduler.pause(this.#pace);
      this.#assertAlive();
      scheduler.spend();
      const fault = this.#isCalm ? undefined : scheduler.draw(BEFORE);
      if (fault !== undefined) this.#note(call, fault);
      switch (fault) {
        case 'crashBefore':
          return this.#die();
        case 'failureBefore':
          throw new TransientError('FAULT', `${call.port} failed before the effect`);
        case 'throttled':
          throw new TransientError('FAULT', `${call.port} throttled the call`);
        case 'denied':
          throw new BlockedError('FAULT', `${call.port} denied access`);
        case 'late':
          scheduler.arriveLate(effect, `${this.name} ${call.port}.${call.operation} ${call.subject}`);
          switch (scheduler.drawLateEnd()) {
            case 'crash':
              return this.#die();
            case 'error':
              throw new TransientError('FAULT', `${call.port} did not answer in time`);
            case 'repeat':
              continue;
          }
          break;
        case 'hang':
          await scheduler.hang(this.#pace);
          this.#assertAlive();
          break;
        case 'repeated':
        case 'unanswered':
        case 'crashAfter':
        case undefined:
      }
      const answer = await effect();
      const after = this.#isCalm ? undefined : scheduler.draw(AFTER);
      this.#note(call, after ?? describe(answer));
      if (after === 'repeated') continue;
      if (after === 'unanswered') throw new TransientError('FAULT', `${call.port} did not answer`);
      if (after === 'crashAfter') return this.#die();
      await scheduler.pause(this.#pace);
      this.#assertAlive();
      return answer;
    }
  }

  #note(call: ScheduledCall, what: string): void {
    this.#scheduler.note(`${this.name} ${call.port}.${call.operation} ${call.subject}: ${what}`);
  }

  #assertAlive(): void {
    if (this.#isDead) throw new Crash('crashed');
  }

  #die(): never {
    this.#isDead = true;
    throw new Crash('crashed');
  }
}

function describe(answer: unknown): string {
  if (answer instanceof Uint8Array) return `${String(answer.length)} bytes`;
  if (Array.isArray(answer)) return `${String(answer.length)} items`;
  return typeof answer === 'string'
    ? answer
    : answer === undefined
      ? 'done'
      : JSON.stringify(answer, shorten);
}

const shorten = (_name: string, value: unknown): unknown =>
  value instanceof Uint8Array ? `${String(value.length)} bytes` : value;
