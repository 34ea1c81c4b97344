import type { WatchedSource } from '../../domain/watch/source-finding.ts';
import type { FindingStore } from '../../ports/finding-store.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Findings in memory. */
export class MemoryFindingStore implements FindingStore {
  readonly #watched = new Map<string, WatchedSource>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn | undefined } = {}) {
    this.#turn = options.turn;
  }

  read(source: string): Promise<WatchedSource | undefined> {
    return takeTurn(this.#turn, { port: 'findings', operation: 'read', subject: source }, () =>
      this.#watched.get(source),
    );
  }

  save(source: string, watched: WatchedSource): Promise<void> {
    return takeTurn(this.#turn, { port: 'findings', operation: 'save', subject: source }, () => {
      this.#watched.set(source, structuredClone(watched));
    });
  }
}
