import { objectMark, ObjectSet } from '../../domain/files/object-set.ts';
import type { ObjectSource, ObjectVersion } from '../../ports/object-source.ts';

/** An object that has not landed. */
export interface FreshObject {
  readonly object: ObjectVersion;
  readonly mark: Buffer;
}

/** Fresh objects that are known ahead of the one that is read. */
const AHEAD = 16;

export interface ListingOptions {
  readonly objects: ObjectSource;
  readonly deadlineMs: number;
  readonly matches: (name: string) => boolean;
  /** Name after which a former run had come. */
  readonly listedTo: string;
  /** Name that nothing comes before. */
  readonly floor: string;
  /** Called with objects that will be read soon. */
  readonly onAhead: (object: ObjectVersion) => void;
  /** Names behind which the floor may come: so many objects stay above it. */
  readonly lookbackObjects: number;
}

/**
 * One listing of everything by one run. It begins where a former run had come, and then lists all from the floor on: so
 * every object is seen, however many runs it takes to land them.
 */
export class ObjectListing {
  readonly #options: ListingOptions;
  readonly #queue: FreshObject[] = [];
  /** Marks of everything that was listed, if it was everything. */
  readonly #seen = new ObjectSet();
  readonly #names: string[] = [];
  #oldest = 0;
  #after: string;
  #isWhole: boolean;
  #isListed = false;
  #page: readonly ObjectVersion[] = [];
  #pageAt = 0;
  #isLastPage = false;
  #passed = '';
  #floor: string;

  constructor(options: ListingOptions) {
    this.#options = options;
    this.#floor = options.floor;
    this.#isWhole = options.listedTo === '';
    this.#after = this.#isWhole ? options.floor : options.listedTo;
    this.#passed = this.#after;
  }

  /** The next object that is in none of the sets; undefined at the end. */
  async next(isKnown: (mark: Buffer) => boolean): Promise<FreshObject | undefined> {
    for (;;) {
      while (this.#queue.length < AHEAD && !this.#isListed) if (!(await this.#advance(isKnown))) break;
      const fresh = this.#queue.shift();
      if (fresh === undefined) {
        if (this.#isListed) return undefined;
        continue;
      }
      // What was ahead may have landed meanwhile.
      if (isKnown(fresh.mark)) continue;
      this.#pass(fresh.object.name);
      return fresh;
    }
  }

  /** Everything before this name was given or had landed; empty at the end. */
  listedTo(): string {
    return this.isAtEnd() ? '' : this.#passed;
  }

  isAtEnd(): boolean {
    return this.#isListed && this.#queue.length === 0;
  }

  floor(): string {
    return this.#floor;
  }

  /** Marks of all objects that are there; undefined while that is not known. */
  seen(): ObjectSet | undefined {
    return this.#isWhole && this.#isListed ? this.#seen : undefined;
  }

  /** Takes the next listed object, or page. @returns false when the queue should be used first */
  async #advance(isKnown: (mark: Buffer) => boolean): Promise<boolean> {
    const object = this.#page[this.#pageAt];
    if (object === undefined) {
      if (this.#isLastPage) {
        this.#endPass();
        return false;
      }
      // A page is only asked for when there is nothing else to do.
      if (this.#queue.length > 0) return false;
      const page = await this.#options.objects.list(this.#after, this.#options.deadlineMs);
      this.#page = page.objects;
      this.#pageAt = 0;
      this.#after = page.last;
      this.#isLastPage = page.isLast;
      return true;
    }
    this.#pageAt++;
    if (!this.#options.matches(object.name)) {
      this.#passWhenIdle(object.name);
      return true;
    }
    const mark = objectMark(object);
    if (this.#isWhole) this.#seen.add(mark);
    if (isKnown(mark)) {
      this.#passWhenIdle(object.name);
      return true;
    }
    this.#queue.push({ object, mark });
    this.#options.onAhead(object);
    return true;
  }

  #endPass(): void {
    if (this.#isWhole) {
      this.#isListed = true;
      return;
    }
    if (this.#queue.length > 0) return;
    this.#isWhole = true;
    this.#after = this.#options.floor;
    this.#passed = this.#options.floor;
    this.#names.length = 0;
    this.#oldest = 0;
    this.#page = [];
    this.#isLastPage = false;
  }

  /** What is known need not wait, unless something before it does. */
  #passWhenIdle(name: string): void {
    if (this.#queue.length === 0) this.#pass(name);
  }

  #pass(name: string): void {
    this.#passed = name;
    const { lookbackObjects } = this.#options;
    this.#names.push(name);
    if (this.#names.length - this.#oldest <= lookbackObjects) return;
    const left = this.#names[this.#oldest++];
    if (left !== undefined && isAfter(left, this.#floor)) this.#floor = left;
    if (this.#oldest > 10_000) {
      this.#names.splice(0, this.#oldest);
      this.#oldest = 0;
    }
  }
}

/** Names are listed in the order of their UTF-8 bytes. */
const isAfter = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;
