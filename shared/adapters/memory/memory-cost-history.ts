import type { CostHistory, HourCost } from '../../ports/cost-history.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Costs by the hour in memory. */
export class MemoryCostHistory implements CostHistory {
  readonly #hours = new Map<string, Map<number, number>>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn | undefined } = {}) {
    this.#turn = options.turn;
  }

  note(source: string, { hour, usd }: HourCost): Promise<void> {
    return takeTurn(this.#turn, { port: 'costs', operation: 'note', subject: source }, () => {
      const hours = this.#hours.get(source) ?? new Map<number, number>();
      this.#hours.set(source, hours.set(hour, usd));
    });
  }

  read(source: string, fromHour: number, toHour: number): Promise<readonly HourCost[]> {
    return takeTurn(this.#turn, { port: 'costs', operation: 'read', subject: source }, () =>
      [...(this.#hours.get(source) ?? [])]
        .map(([hour, usd]) => ({ hour, usd }))
        .filter(({ hour }) => hour >= fromHour && hour <= toHour)
        .sort((a, b) => a.hour - b.hour),
    );
  }
}
