import type { AddedSpend, MonthSpend, SpendStore } from '../../ports/spend-store.ts';
import { takeTurn, type Turn } from './turn.ts';

const NOTHING: MonthSpend = { usd: 0, slowedSinceMs: undefined, landedAtMs: undefined };

/** Spending in memory. */
export class MemorySpendStore implements SpendStore {
  readonly #months = new Map<string, MonthSpend>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  read(source: string, month: number): Promise<MonthSpend> {
    return this.#do('read', source, () => this.#of(source, month));
  }

  add(source: string, month: number, { usd, landedAtMs }: AddedSpend): Promise<MonthSpend> {
    return this.#do('add', source, () => {
      const before = this.#of(source, month);
      return this.#set(source, month, {
        ...before,
        usd: before.usd + usd,
        landedAtMs: landedAtMs ?? before.landedAtMs,
      });
    });
  }

  setSlowed(source: string, month: number, sinceMs: number | undefined): Promise<void> {
    return this.#do('setSlowed', source, () => {
      const before = this.#of(source, month);
      const slowedSinceMs = sinceMs === undefined ? undefined : (before.slowedSinceMs ?? sinceMs);
      this.#set(source, month, { ...before, slowedSinceMs });
    });
  }

  #do<Result>(operation: string, subject: string, act: () => Result): Promise<Result> {
    return takeTurn(this.#turn, { port: 'spend', operation, subject }, act);
  }

  #of(source: string, month: number): MonthSpend {
    return this.#months.get(`${source} ${String(month)}`) ?? NOTHING;
  }

  #set(source: string, month: number, spend: MonthSpend): MonthSpend {
    this.#months.set(`${source} ${String(month)}`, spend);
    return spend;
  }
}
