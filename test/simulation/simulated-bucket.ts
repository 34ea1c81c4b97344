import { hash } from 'node:crypto';
import { ObjectGoneError, type ObjectPage, type ObjectVersion } from '../../shared/ports/object-source.ts';
import type { Rng } from './rng.ts';

const FORMATS = ['ndjson', 'csv', 'json'] as const;
export type SimulatedFormat = (typeof FORMATS)[number];

/** A row of an object: a number that no other row has, unless it was carried over from the version before. */
export interface BucketRow {
  readonly id: number;
  /** Whether it violates the contract. */
  readonly isBad: boolean;
}

interface Version {
  readonly tag: string;
  readonly bytes: Buffer;
  readonly rows: readonly BucketRow[];
}

export interface BucketOptions {
  readonly rng: Rng;
  readonly format: SimulatedFormat;
  /** New names come after all others, but for late ones: these come before fewer than so many. */
  readonly ascending: { readonly lookbackObjects: number } | undefined;
  /** Whether a version that replaces another one has rows of it. */
  readonly carriesRows: boolean;
}

const NAMES = ['a', 'b/c', 'b/d', 'e', 'ü', 'z1', 'z10', 'z2'];

/**
 * A bucket that changes between any two requests: objects appear anywhere in the order of their names, are replaced and
 * removed. Like S3 it is strongly consistent: a page of a listing has what is there at that moment, and reads name the
 * version that they want.
 */
export class SimulatedBucket {
  readonly #options: BucketOptions;
  readonly #objects = new Map<string, Version>();
  /** All that there ever were. */
  readonly #names = new Set<string>();
  readonly #pageSize: number;
  #nextId = 0;
  #nextName = 10;

  constructor(options: BucketOptions) {
    this.#options = options;
    this.#pageSize = 1 + options.rng.int(4);
  }

  static drawFormat(rng: Rng): SimulatedFormat {
    return rng.pick(FORMATS);
  }

  /** Rows of what is there. */
  *present(): Generator<readonly [name: string, rows: readonly BucketRow[]]> {
    for (const [name, { rows }] of this.#objects) yield [name, rows];
  }

  /** Somebody puts or removes an object. */
  change(): void {
    const { rng, carriesRows } = this.#options;
    const name = this.#drawName();
    const before = this.#objects.get(name);
    if (before !== undefined && rng.chance(0.3)) {
      this.#objects.delete(name);
      return;
    }
    // The same content again is the same version.
    if (before !== undefined && rng.chance(0.2)) return;
    const carried = carriesRows && before !== undefined ? before.rows.filter(({ isBad }) => !isBad) : [];
    const fresh = Array.from({ length: 1 + rng.int(6) }, () => ({
      id: this.#nextId++,
      isBad: rng.chance(0.1),
    }));
    const rows = [...carried.filter(() => rng.chance(0.7)), ...fresh];
    const bytes = this.#write(rows);
    this.#names.add(name);
    this.#objects.set(name, { tag: hash('md5', bytes), bytes, rows });
  }

  list(after: string): Promise<ObjectPage> {
    const names = [...this.#objects.keys()].filter((name) => compare(name, after) > 0).sort(compare);
    const objects = names.slice(0, this.#pageSize).map((name): ObjectVersion => {
      const { tag = '', bytes } = this.#objects.get(name) ?? {};
      return { name, tag, bytes: bytes?.length ?? 0 };
    });
    return Promise.resolve({
      objects,
      isLast: names.length <= this.#pageSize,
      last: objects.at(-1)?.name ?? after,
    });
  }

  /** Some bytes of a version; none at its end. */
  read({ name, tag }: ObjectVersion, at: number): Promise<Uint8Array> {
    const found = this.#objects.get(name);
    if (found?.tag !== tag) return Promise.reject(new ObjectGoneError(name));
    return Promise.resolve(found.bytes.subarray(at, at + 1 + this.#options.rng.int(90)));
  }

  /** The version that is there now. */
  current(name: string): ObjectVersion | undefined {
    const found = this.#objects.get(name);
    return found && { name, tag: found.tag, bytes: found.bytes.length };
  }

  #drawName(): string {
    const { rng, ascending } = this.#options;
    if (ascending === undefined) return rng.pick(NAMES);
    // A look-back counts what has landed, whether it is still there or not.
    const names = [...this.#names].sort(compare);
    const above = rng.int(Math.min(ascending.lookbackObjects, names.length + 1));
    const near = names.at(-above);
    if (above > 0 && near !== undefined) {
      // Late, or once more: fewer objects than those of the look-back come after it.
      return rng.chance(0.5)
        ? near
        : `${near.slice(0, -1)}${String.fromCharCode(near.charCodeAt(near.length - 1) - 1)}~`;
    }
    this.#nextName += 2;
    return `n${String(this.#nextName).padStart(4, '0')}`;
  }

  #write(rows: readonly BucketRow[]): Buffer {
    const { format } = this.#options;
    if (format === 'csv') {
      const lines = rows.map(({ id, isBad }) => `${isBad ? 'x' : ''}${String(id)},"b ""${String(id)}"""`);
      return Buffer.from(`id,body\n${lines.join('\n')}`);
    }
    const records = rows.map(({ id, isBad }) =>
      JSON.stringify({ id: isBad ? `x${String(id)}` : id, body: `b "${String(id)}"` }),
    );
    return Buffer.from(format === 'ndjson' ? records.join('\n') : `[${records.join(',')}]`);
  }
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
