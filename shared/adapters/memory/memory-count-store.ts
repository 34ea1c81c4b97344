import {
  addCounts,
  NOTHING_SETTLED,
  SETTLED_NAMES,
  type HourCounts,
  type SettledHour,
} from '../../domain/record-counts.ts';
import type { CountStore } from '../../ports/count-store.ts';
import { takeTurn, type Turn } from './turn.ts';

interface Hour {
  counts: HourCounts;
  /** What each process has accepted. */
  readonly accepted: Map<string, number>;
}

/** Counts in memory; a `MemoryLedgerStore` adds what its commits settle. */
export class MemoryCountStore implements CountStore {
  readonly #hours = new Map<string, Map<number, Hour>>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  accept(source: string, hour: number, process: string, total: number): Promise<void> {
    return takeTurn(this.#turn, { port: 'counts', operation: 'accept', subject: source }, () => {
      const known = this.#of(source, hour);
      known.accepted.set(process, Math.max(total, known.accepted.get(process) ?? 0));
      const accepted = [...known.accepted.values()].reduce((sum, each) => sum + each, 0);
      known.counts = { ...known.counts, accepted };
    });
  }

  read(source: string, fromHour: number, toHour: number): Promise<readonly HourCounts[]> {
    return takeTurn(this.#turn, { port: 'counts', operation: 'read', subject: source }, () =>
      this.peek(source).filter(({ hour }) => hour >= fromHour && hour <= toHour),
    );
  }

  /** Adds what a commit settles, in its turn. */
  settle(hours: readonly SettledHour[]): void {
    for (const settled of hours) {
      const known = this.#of(settled.source, settled.hour);
      known.counts = { ...known.counts, ...addCounts(known.counts, settled) };
    }
  }

  /** Names of all sources that were ever counted, outside of any turn. */
  sources(): readonly string[] {
    return [...this.#hours.keys()];
  }

  /** All hours of a source, outside of any turn. */
  peek(source: string): readonly HourCounts[] {
    return [...(this.#hours.get(source)?.values() ?? [])]
      .map(({ counts }) => counts)
      .filter((counts) => counts.accepted !== 0 || SETTLED_NAMES.some((name) => counts[name] !== 0))
      .sort((a, b) => a.hour - b.hour);
  }

  #of(source: string, hour: number): Hour {
    const ofSource = this.#hours.get(source) ?? new Map<number, Hour>();
    this.#hours.set(source, ofSource);
    const known = ofSource.get(hour) ?? {
      counts: { hour, accepted: 0, ...NOTHING_SETTLED },
      accepted: new Map<string, number>(),
    };
    ofSource.set(hour, known);
    return known;
  }
}
