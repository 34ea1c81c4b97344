import {
  MAX_INLINE_CLAIM_BYTES,
  type ClaimLog,
  type LogEntry,
  type NewLogEntry,
  type StoredClaims,
} from '../../ports/claim-log.ts';
import type { Clock } from '../../ports/clock.ts';
import { takeTurn, type Turn } from './turn.ts';

/** A claim of one key. */
interface KeyClaim {
  readonly packed: Uint8Array;
  readonly expiresAtMs: number;
}

/** A claim log in memory. Given a clock, what expires disappears as soon as it may; without one it stays. */
export class MemoryClaimLog implements ClaimLog {
  readonly #buckets = new Map<string, Map<number, NewLogEntry>>();
  readonly #stored = new Map<string, readonly Uint8Array[]>();
  readonly #keys = new Map<string, KeyClaim>();
  readonly #turn: Turn | undefined;
  readonly #clock: Clock | undefined;
  readonly #maxInlineBytes: number;

  constructor(
    options: { readonly turn?: Turn; readonly clock?: Clock; readonly maxInlineBytes?: number } = {},
  ) {
    this.#turn = options.turn;
    this.#clock = options.clock;
    this.#maxInlineBytes = options.maxInlineBytes ?? MAX_INLINE_CLAIM_BYTES;
  }

  read(bucket: string, after: number): Promise<readonly LogEntry[]> {
    return takeTurn(this.#turn, { port: 'claims', operation: 'read', subject: bucket }, () =>
      this.peek(bucket).filter((entry) => entry.number > after),
    );
  }

  store(packed: readonly Uint8Array[], _expiresAtMs?: number, isAlone = false): Promise<StoredClaims> {
    const copy = packed.map((part) => Uint8Array.from(part));
    const [first] = copy;
    if (copy.length === 1 && first !== undefined && (isAlone || first.length <= this.#maxInlineBytes)) {
      return Promise.resolve({ kind: 'inline', packed: first });
    }
    const id = String(this.#stored.size + 1);
    this.#stored.set(id, []);
    return takeTurn(this.#turn, { port: 'claims', operation: 'store', subject: id }, () => {
      this.#stored.set(id, copy);
      return { kind: 'stored', id, items: copy.length };
    });
  }

  append(bucket: string, number: number, entry: NewLogEntry): Promise<'ok' | 'conflict'> {
    return takeTurn(this.#turn, { port: 'claims', operation: 'append', subject: bucket }, () => {
      const entries = this.#live(bucket);
      const present = entries.get(number);
      if (present !== undefined) return present.writer === entry.writer ? 'ok' : 'conflict';
      if (entry.follows !== undefined && entries.get(number - 1)?.writer !== entry.follows) return 'conflict';
      entries.set(number, structuredClone(entry));
      return 'ok';
    });
  }

  claimKey(bucket: string, key: string, packed: Uint8Array, expiresAtMs: number): Promise<Uint8Array> {
    const subject = `${bucket}#${key}`;
    return takeTurn(this.#turn, { port: 'claims', operation: 'claimKey', subject }, () => {
      const present = this.#keys.get(subject);
      if (present !== undefined && !this.#isGone(present)) return present.packed;
      this.#keys.set(subject, { packed: Uint8Array.from(packed), expiresAtMs });
      return packed;
    });
  }

  /** Names of all buckets that were ever written, outside of any turn. */
  buckets(): readonly string[] {
    return [...this.#buckets.keys()];
  }

  /** The entries of a bucket in order, outside of any turn. */
  peek(bucket: string): readonly LogEntry[] {
    return [...this.#live(bucket)]
      .map(([number, entry]): LogEntry => {
        const { writer } = entry;
        if (entry.kind === 'closed') return { number, writer, kind: 'closed' };
        const { claims, expiresAtMs } = entry;
        const packed = claims.kind === 'inline' ? [claims.packed] : (this.#stored.get(claims.id) ?? []);
        return { number, writer, kind: 'claims', packed, expiresAtMs };
      })
      .sort((a, b) => a.number - b.number);
  }

  /** Claims of single keys, outside of any turn. */
  keyClaims(): readonly Uint8Array[] {
    return [...this.#keys.values()].map(({ packed }) => packed);
  }

  #live(bucket: string): Map<number, NewLogEntry> {
    let entries = this.#buckets.get(bucket);
    if (entries === undefined) {
      entries = new Map();
      this.#buckets.set(bucket, entries);
    }
    for (const [number, entry] of entries) {
      if (entry.kind === 'claims' && this.#isGone(entry)) entries.delete(number);
    }
    return entries;
  }

  #isGone({ expiresAtMs }: { readonly expiresAtMs: number }): boolean {
    return this.#clock !== undefined && expiresAtMs < this.#clock.nowMs();
  }
}
