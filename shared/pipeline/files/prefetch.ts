import type { ObjectPage, ObjectSource, ObjectVersion } from '../../ports/object-source.ts';

/** Larger objects are streamed. */
const MAX_BYTES = 256 * 1024;

/** Fetches small objects before they are needed: reading one after the other would wait for each. */
export class PrefetchingSource implements ObjectSource {
  readonly #objects: ObjectSource;
  readonly #deadlineMs: number;
  readonly #fetched = new Map<string, Promise<readonly Uint8Array[]>>();
  #isClosed = false;

  constructor(objects: ObjectSource, deadlineMs: number) {
    this.#objects = objects;
    this.#deadlineMs = deadlineMs;
  }

  /** Begins to fetch an object that will be opened. */
  prefetch(object: ObjectVersion): void {
    if (object.bytes === 0 || object.bytes > MAX_BYTES) return;
    const fetched = this.#fetch(object);
    // Whoever opens it sees the error.
    fetched.catch(() => undefined);
    this.#fetched.set(keyOf(object), fetched);
  }

  /** Ends what is being fetched ahead. What is on its way when a function is frozen would go on in its next invocation. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#fetched.values());
    this.#fetched.clear();
  }

  list(after: string, deadlineMs: number): Promise<ObjectPage> {
    return this.#objects.list(after, deadlineMs);
  }

  async *open(object: ObjectVersion, offset: number, deadlineMs: number): AsyncGenerator<Uint8Array> {
    const fetched = this.#fetched.get(keyOf(object));
    if (fetched === undefined || offset > 0) {
      yield* this.#objects.open(object, offset, deadlineMs);
      return;
    }
    this.#fetched.delete(keyOf(object));
    yield* await fetched;
  }

  async #fetch(object: ObjectVersion): Promise<readonly Uint8Array[]> {
    const all: Uint8Array[] = [];
    for await (const chunk of this.#objects.open(object, 0, this.#deadlineMs)) {
      if (this.#isClosed) break;
      all.push(chunk);
    }
    return all;
  }
}

const keyOf = ({ name, tag }: ObjectVersion): string => `${tag}\n${name}`;
