import type { PullWork, WorkDeliveries, WorkQueue } from '../../ports/work-queue.ts';
import type { Clock } from '../../ports/clock.ts';
import { takeTurn, type Turn } from './turn.ts';

/** A message as whoever takes it gets it. */
export interface WorkDelivery {
  readonly work: PullWork;
  readonly receipt: string;
  /** How often it has been delivered, this time included. */
  readonly receives: number;
}

interface Message {
  readonly id: number;
  readonly body: string;
  visibleAtMs: number;
  receives: number;
}

/** A queue in memory, as SQS is one: what is taken is hidden for a while, and gone only when it is deleted. */
export class MemoryWorkQueue implements WorkQueue, WorkDeliveries {
  readonly #clock: Clock;
  readonly #turn: Turn | undefined;
  readonly #hiddenMs: number;
  readonly #maxReceives: number;
  readonly #messages = new Map<number, Message>();
  /** Work that was delivered too often. */
  readonly deadLetters: PullWork[] = [];
  #sent = 0;

  constructor(options: {
    readonly clock: Clock;
    readonly turn?: Turn | undefined;
    readonly hiddenMs?: number;
    readonly maxReceives?: number;
  }) {
    this.#clock = options.clock;
    this.#turn = options.turn;
    this.#hiddenMs = options.hiddenMs ?? 90 * 60_000;
    this.#maxReceives = options.maxReceives ?? 5;
  }

  send(work: PullWork, delaySeconds = 0): Promise<void> {
    return takeTurn(this.#turn, { port: 'queue', operation: 'send', subject: work.source }, () => {
      const id = ++this.#sent;
      const visibleAtMs = this.#clock.nowMs() + delaySeconds * 1000;
      this.#messages.set(id, { id, body: JSON.stringify(work), visibleAtMs, receives: 0 });
    });
  }

  postpone(receipt: string, delaySeconds: number): Promise<void> {
    return takeTurn(this.#turn, { port: 'queue', operation: 'postpone', subject: receipt }, () => {
      const message = this.#of(receipt);
      if (message !== undefined) message.visibleAtMs = this.#clock.nowMs() + delaySeconds * 1000;
    });
  }

  /** Takes what is visible, as the event-source mapping does, outside of any turn. */
  receive(): WorkDelivery | undefined {
    for (const message of this.#messages.values()) {
      if (message.visibleAtMs > this.#clock.nowMs()) continue;
      const work = JSON.parse(message.body) as PullWork;
      if (message.receives >= this.#maxReceives) {
        this.#messages.delete(message.id);
        this.deadLetters.push(work);
        continue;
      }
      message.receives++;
      message.visibleAtMs = this.#clock.nowMs() + this.#hiddenMs;
      return {
        work,
        receipt: `${String(message.id)}/${String(message.receives)}`,
        receives: message.receives,
      };
    }
    return undefined;
  }

  /** The invocation has ended without an error. */
  delete(receipt: string): void {
    const message = this.#of(receipt);
    if (message !== undefined) this.#messages.delete(message.id);
  }

  /** Work that is not done, in the order in which it was sent, outside of any turn. */
  waiting(): readonly PullWork[] {
    return [...this.#messages.values()].map(({ body }) => JSON.parse(body) as PullWork);
  }

  /** The message of a receipt, unless it was delivered again since. */
  #of(receipt: string): Message | undefined {
    const [id, receives] = receipt.split('/').map(Number);
    const message = this.#messages.get(id ?? 0);
    return message?.receives === receives ? message : undefined;
  }
}
