import type { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import type { Page, PageRequest, PullSource } from '../../shared/ports/pull-source.ts';
import type { Rng } from '../simulation/rng.ts';

export interface ApiItem {
  readonly id: number;
  readonly version: number;
  /** ms since the epoch, in whole seconds: many items share one. */
  readonly ts: number;
  /** A text; a number breaks the contract. */
  readonly body: string | number;
}

export interface MutatingApiOptions {
  readonly rng: Rng;
  readonly clock: ManualClock;
  readonly pageSize: number;
  /** `ts`: ascending by time. The others are what an API may do that promises no order. */
  readonly sort: 'ts' | 'ts-descending' | 'id';
  /** `positions`: the token is an offset; `anchors`: the token is the last item of the page before. */
  readonly tokens: 'positions' | 'anchors';
  /** Items become visible up to this long after their time. */
  readonly latenessMs: number;
  /** How far time goes on in a step, in whole seconds. Default: a second. */
  readonly stepMs?: number;
}

const SECOND_MS = 1000;
const MAX_CHANGES = 4;

/** An API whose table changes between any two requests: inserts, updates, deletes, and items that appear late. */
export class MutatingApi implements PullSource {
  readonly #options: MutatingApiOptions;
  readonly #items = new Map<number, ApiItem>();
  #nextId = 1;
  #nextVersion = 1;
  /** Whether the table changes. */
  isChanging = true;
  requests = 0;

  constructor(options: MutatingApiOptions) {
    this.#options = options;
  }

  /** What is visible now. */
  items(): readonly ApiItem[] {
    return [...this.#items.values()];
  }

  change(): void {
    const { rng, clock, latenessMs } = this.#options;
    const now = Math.floor(clock.nowMs() / SECOND_MS) * SECOND_MS;
    const existing = [...this.#items.keys()];
    const chosen = existing[rng.int(Math.max(1, existing.length))];
    const dice = rng.int(100) / 100;
    if (dice < 0.35) clock.advance(this.#options.stepMs ?? SECOND_MS);
    else if (dice < 0.65) this.#put(this.#freeId(), now);
    else if (dice < 0.75 && latenessMs > 0) {
      const lateness = rng.int(latenessMs / SECOND_MS + 1) * SECOND_MS;
      // An item's time is at most `latenessMs` ago at the very moment, not only at the beginning of its second.
      const ts = Math.max(now - lateness, Math.ceil((clock.nowMs() - latenessMs) / SECOND_MS) * SECOND_MS);
      this.#put(this.#freeId(), ts);
    } else if (dice < 0.92 && chosen !== undefined) this.#put(chosen, now);
    else if (chosen !== undefined) this.#items.delete(chosen);
  }

  fetchPage({ since, until, token }: PageRequest): Promise<Page> {
    const { rng, pageSize, tokens } = this.#options;
    this.requests++;
    if (this.isChanging) for (let n = rng.int(MAX_CHANGES); n > 0; n--) this.change();
    const all = this.items()
      .filter((item) => item.ts >= Number(since ?? 0) && item.ts < Number(until ?? Number.POSITIVE_INFINITY))
      .sort((a, b) => this.#compare(a, b));
    const start = token === undefined ? 0 : tokens === 'positions' ? Number(token) : this.#after(all, token);
    const page = all.slice(start, start + pageSize);
    const last = page.at(-1);
    const isLast = start + pageSize >= all.length || last === undefined;
    const next = tokens === 'positions' ? String(start + page.length) : JSON.stringify(last);
    return Promise.resolve({
      records: page.map((item) => Buffer.from(JSON.stringify(item))),
      next: isLast ? undefined : next,
    });
  }

  /** New items do not always have the highest id. */
  #freeId(): number {
    const id = this.#nextId++;
    return this.#options.rng.chance(0.5) ? id : 100_000 - id;
  }

  #put(id: number, ts: number): void {
    const version = this.#nextVersion++;
    const body = this.#options.rng.chance(0.06) ? version : `text ${String(version)}`;
    this.#items.set(id, { id, version, ts, body });
  }

  #compare(a: ApiItem, b: ApiItem): number {
    switch (this.#options.sort) {
      case 'ts':
        return a.ts - b.ts || a.id - b.id;
      case 'ts-descending':
        return b.ts - a.ts || a.id - b.id;
      case 'id':
        return a.id - b.id;
    }
  }

  #after(all: readonly ApiItem[], token: string): number {
    const anchor = JSON.parse(token) as ApiItem;
    const index = all.findIndex((item) => this.#compare(item, anchor) > 0);
    return index === -1 ? all.length : index;
  }
}
