import { LRUCache } from 'lru-cache';
import { BlockedError } from '../../domain/errors.ts';
import { forEachLimited } from '../../domain/for-each-limited.ts';
import { landingLane, landingTimeOf } from '../../domain/landing-frame.ts';
import { readManifest, writeManifest, type LandingManifest } from '../../domain/landing-manifest.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';

/** Manifests that were decided: they never change. */
export type ManifestCache = LRUCache<string, CachedManifest>;

interface CachedManifest extends LandingManifest {
  readonly has: ReadonlySet<string>;
  /** The greatest of its names. */
  readonly newest: string;
}

/** Names that a process keeps: an hour of a thousand frames a minute, some 10 MB. */
const MAX_CACHED_NAMES = 60_000;
const PARALLEL_READS = 16;
/** Manifests are kept for several days; what is younger than this is in none that has expired. */
const EXPIRED_AFTER_MS = 86_400_000;

export function createManifestCache(): ManifestCache {
  return new LRUCache<string, CachedManifest>({
    maxSize: MAX_CACHED_NAMES,
    sizeCalculation: ({ names }) => names.length,
  });
}

/** The manifests of one source. */
export class Manifests {
  readonly #stage: BatchStage;
  readonly #cache: ManifestCache;
  readonly #lane: string;
  /** Their name in the stage, apart from the frames. */
  readonly #staged: string;

  constructor(source: string, stage: BatchStage, cache: ManifestCache) {
    this.#stage = stage;
    this.#cache = cache;
    this.#lane = landingLane(source);
    this.#staged = `batches/${source}`;
  }

  /** What batch `number` is: `proposed`, unless somebody else was first. */
  async decide(number: number, proposed: LandingManifest): Promise<LandingManifest> {
    const bytes = await this.#stage.decide(this.#staged, number, writeManifest(proposed));
    return this.#keep(number, bytes);
  }

  /**
   * Those of the given frames that are in manifests `first` to `end - 1`.
   *
   * @throws BlockedError with code `MANIFEST_EXPIRED` when that cannot be known any more
   */
  async landedOf(
    names: readonly string[],
    first: number,
    end: number,
    nowMs: number,
  ): Promise<ReadonlySet<string>> {
    const landed = new Set<string>();
    const missing: number[] = [];
    const numbers = Array.from({ length: end - first }, (_, at) => first + at);
    await forEachLimited(numbers, PARALLEL_READS, async (number) => {
      const manifest = await this.#find(number);
      if (manifest === undefined) missing.push(number);
      else for (const name of names) if (manifest.has.has(name)) landed.add(name);
    });
    const unknown = names.find(
      (name) => !landed.has(name) && nowMs - (landingTimeOf(name) ?? 0) > EXPIRED_AFTER_MS,
    );
    if (missing.length > 0 && unknown !== undefined) {
      throw new BlockedError(
        'MANIFEST_EXPIRED',
        `nobody knows any more whether frame ${unknown} of ${this.#lane} has landed: its manifest has expired. ` +
          'Look in the lake for rows whose _id begins with ' +
          `${this.#lane}/${unknown}/: if there are some, delete the frame, otherwise copy it to a name of today`,
      );
    }
    return landed;
  }

  /**
   * The first manifest from `first` on that names a frame from `floor` on, `end` at most. What has expired names none
   * of the last day.
   */
  async firstFrom(floor: string, first: number, end: number, nowMs: number): Promise<number> {
    const floorMs = landingTimeOf(`${floor}-0000-0`) ?? 0;
    for (let number = first; number < end; number++) {
      const manifest = await this.#find(number);
      const isPassed = manifest === undefined ? nowMs - floorMs < EXPIRED_AFTER_MS : manifest.newest < floor;
      if (!isPassed) return number;
    }
    return end;
  }

  async #find(number: number): Promise<CachedManifest | undefined> {
    const cached = this.#cache.get(this.#keyOf(number));
    if (cached !== undefined) return cached;
    const bytes = await this.#stage.find(this.#staged, number);
    return bytes && this.#keep(number, bytes);
  }

  #keep(number: number, bytes: Uint8Array): CachedManifest {
    const { to, names } = readManifest(this.#lane, bytes);
    const manifest = { to, names, has: new Set(names), newest: names.at(-1) ?? '' };
    this.#cache.set(this.#keyOf(number), manifest);
    return manifest;
  }

  #keyOf(number: number): string {
    return `${this.#lane}/${String(number)}`;
  }
}
