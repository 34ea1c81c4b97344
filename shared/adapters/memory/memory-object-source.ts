import { hash } from 'node:crypto';
import {
  ObjectGoneError,
  type ObjectPage,
  type ObjectSource,
  type ObjectVersion,
} from '../../ports/object-source.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Small, so that tests see several pages and chunks. */
const DEFAULT_PAGE_SIZE = 3;
const DEFAULT_CHUNK_BYTES = 100;

/** Objects in memory. */
export class MemoryObjectSource implements ObjectSource {
  readonly #objects = new Map<string, { readonly bytes: Uint8Array; readonly tag: string }>();
  readonly #pageSize: number;
  readonly #chunkBytes: () => number;
  readonly #turn: Turn | undefined;

  constructor(
    options: { readonly pageSize?: number; readonly chunkBytes?: () => number; readonly turn?: Turn } = {},
  ) {
    this.#pageSize = options.pageSize ?? DEFAULT_PAGE_SIZE;
    this.#chunkBytes = options.chunkBytes ?? (() => DEFAULT_CHUNK_BYTES);
    this.#turn = options.turn;
  }

  put(name: string, bytes: Uint8Array): string {
    const tag = hash('md5', bytes);
    this.#objects.set(name, { bytes: Uint8Array.from(bytes), tag });
    return tag;
  }

  remove(name: string): void {
    this.#objects.delete(name);
  }

  list(after: string): Promise<ObjectPage> {
    return takeTurn(this.#turn, { port: 'objects', operation: 'list', subject: after }, () => {
      const names = [...this.#objects.keys()]
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .filter((name) => Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0);
      const objects = names.slice(0, this.#pageSize).map((name): ObjectVersion => {
        const object = this.#objects.get(name);
        return { name, tag: object?.tag ?? '', bytes: object?.bytes.length ?? 0 };
      });
      return { objects, isLast: names.length <= this.#pageSize, last: objects.at(-1)?.name ?? after };
    });
  }

  async *open(object: ObjectVersion, offset: number): AsyncGenerator<Uint8Array> {
    for (let at = offset; ;) {
      const chunk = await takeTurn(
        this.#turn,
        { port: 'objects', operation: 'read', subject: `${object.name} at ${String(at)}` },
        () => {
          const found = this.#objects.get(object.name);
          if (found?.tag !== object.tag) throw new ObjectGoneError(object.name);
          return found.bytes.subarray(at, at + Math.max(1, this.#chunkBytes()));
        },
      );
      if (chunk.length === 0) return;
      yield chunk;
      at += chunk.length;
    }
  }
}
