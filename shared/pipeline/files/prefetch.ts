import type { ObjectPage, ObjectSource, ObjectVersion } from '../../ports/object-source.ts';

/** Larger objects are streamed. */
const MAX_BYTES = 256 * 1024;

/** Fetches small objects before they are needed: reading one after the other would wait for each. */
export class PrefetchingSource implements ObjectSource {
  readonly #objects: ObjectSource;
  readonly #deadlineMs: number;
  readonly #fetched = new Map<string, Promise<readonly Uint8Array[]>>();

  constructor(objects: ObjectSource, deadlineMs: number) {
    this.#objects = objects;
    this.#deadlineMs = deadlineMs;
  }

  /** Begins to fetch an object that will be opened. */
  prefetch(object: ObjectVersion): void {
    if (object.bytes === 0 || object.bytes > MAX_BYTES) return;
    const fetched = readAll(() => this.#objects.open(object, 0, this.#deadlineMs));
    // Whoever opens it sees the error.
    fetched.catch(() => undefined);
    this.#fetched.set(keyOf(object), fetched);
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
}

const keyOf = ({ name, tag }: ObjectVersion): string => `${tag}\n${name}`;

async function readAll(open: () => AsyncIterable<Uint8Array>): Promise<readonly Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of open()) all.push(chunk);
  return all;
}
