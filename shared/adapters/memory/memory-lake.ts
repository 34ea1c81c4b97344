import type { Lake, LakeObject, ObjectKind } from '../../ports/lake.ts';
import { takeTurn, type Turn } from './turn.ts';

/** A lake in memory, whose objects tests can look at. */
export class MemoryLake implements Lake {
  readonly #objects = new Map<string, LakeObject>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  putIfAbsent(key: string, object: LakeObject): Promise<'created' | 'exists'> {
    return takeTurn(this.#turn, { port: 'lake', operation: 'putIfAbsent', subject: key }, () => {
      if (this.#objects.has(key)) return 'exists';
      this.#objects.set(key, copyOf(object));
      return 'created';
    });
  }

  overwrite(key: string, object: LakeObject): Promise<void> {
    return takeTurn(this.#turn, { port: 'lake', operation: 'overwrite', subject: key }, () => {
      this.#objects.set(key, copyOf(object));
    });
  }

  kindOf(key: string): Promise<ObjectKind | undefined> {
    return takeTurn(
      this.#turn,
      { port: 'lake', operation: 'kindOf', subject: key },
      () => this.#objects.get(key)?.kind,
    );
  }

  /** The object at a key, outside of any turn. */
  peek(key: string): LakeObject | undefined {
    return this.#objects.get(key);
  }

  /** All objects whose key begins with `prefix`, in order of their keys, outside of any turn. */
  list(prefix = ''): readonly (LakeObject & { readonly key: string })[] {
    return [...this.#objects]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, object]) => ({ key, ...object }));
  }
}

/** What is stored does not change when the caller uses its buffer again. */
function copyOf(object: LakeObject): LakeObject {
  return { ...object, bytes: Uint8Array.from(object.bytes) };
}
