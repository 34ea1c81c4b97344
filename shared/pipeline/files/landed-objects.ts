import { BlockedError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { ObjectSet } from '../../domain/files/object-set.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';

/*
 * What has landed is a set of object versions: no time and no name says of an object that it was there before. The set is
 * kept as lists of marks, one per commit, which are written before the commit and never change; now and then a list
 * holds everything that landed before it too, and the position names that one as the first. Those before it are of no
 * use then. They are removed when the next one holds everything: a run that has read an older position may ask for them
 * until its commit is refused. Lists stand apart from staged batches, which expire; age says nothing of whether one is
 * needed.
 */

/** What a process keeps of the sets of its sources from one run to the next. */
export type LandedCache = Map<string, CachedSet>;

interface CachedSet {
  readonly from: number;
  /** Lists up to this one, exclusive, are in the set. */
  end: number;
  readonly set: ObjectSet;
}

const PARALLEL_READS = 32;
const MIN_LISTS = 32;
const MAX_LISTS = 512;
/** Of one commit. */
const MAX_REMOVED = 1_000;
/** A list of everything is written once per so many objects in it and commits since: it is 12 bytes for each. */
const OBJECTS_PER_LIST = 2_000;

/** The versions of one source that have landed. */
export class LandedObjects {
  readonly #stage: BatchStage;
  readonly #cache: LandedCache;
  readonly #lane: string;

  constructor(source: string, stage: BatchStage, cache: LandedCache) {
    this.#stage = stage;
    this.#cache = cache;
    this.#lane = `files/${source}`;
  }

  /**
   * What lists `from` to `end - 1` name.
   *
   * @throws BlockedError with code `LANDED_LIST_MISSING`: without it nobody knows which objects have landed
   */
  async load(from: number, end: number): Promise<ObjectSet> {
    let cached = this.#cache.get(this.#lane);
    if (cached?.from !== from || cached.end > end) cached = { from, end: from, set: new ObjectSet() };
    this.#cache.delete(this.#lane);
    const { set } = cached;
    const numbers = Array.from({ length: end - cached.end }, (_, i) => end - 1 - i);
    await forEachLimited(numbers, PARALLEL_READS, async (number) => {
      const marks = await this.#stage.find(this.#lane, number);
      if (marks === undefined) {
        throw new BlockedError(
          'LANDED_LIST_MISSING',
          `landing/${this.#lane}/${String(number)}.batch is gone, which names objects that have landed; restore its former version in the bucket`,
        );
      }
      set.addAll(Buffer.from(marks));
    });
    cached.end = end;
    this.#cache.set(this.#lane, cached);
    return set;
  }

  /**
   * Removes lists that newer ones have made useless: some of those from `from` to `end - 1`.
   *
   * @returns before which list all of them are gone
   */
  async remove(from: number, end: number): Promise<number> {
    const to = Math.min(end, from + MAX_REMOVED);
    if (to <= from) return from;
    await this.#stage.remove(
      this.#lane,
      Array.from({ length: to - from }, (_, i) => from + i),
    );
    return to;
  }

  /** Writes list `number` unless somebody else was first. */
  async keep(number: number, marks: Buffer): Promise<void> {
    await this.#stage.decide(this.#lane, number, marks);
  }
}

/** Whether the next list is to name everything: there are many lists after the last one that does. */
export function isTimeForAll(from: number, number: number, size: number): boolean {
  return number - from >= Math.max(MIN_LISTS, Math.min(MAX_LISTS, size / OBJECTS_PER_LIST));
}
