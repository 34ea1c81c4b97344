import { isUseDue, MAX_ACTIVE_WRITE_KEYS } from '../../domain/write-key.ts';
import { tooManyWriteKeys, writeKeyTaken } from '../../domain/write-key-refused.ts';
import type { NewWriteKey, WriteKey, WriteKeyStore } from '../../ports/write-key-store.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Write keys in memory. */
export class MemoryWriteKeyStore implements WriteKeyStore {
  readonly #keys = new Map<string, { key: WriteKey; revoked: boolean }>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  find(hash: string): Promise<WriteKey | undefined> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'find', subject: hash }, () => {
      const entry = this.#keys.get(hash);
      return entry === undefined || entry.revoked ? undefined : entry.key;
    });
  }

  create({ hash, source, createdAtMs }: NewWriteKey): Promise<void> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'create', subject: hash }, () => {
      const entry = this.#keys.get(hash);
      if (entry === undefined) {
        if (this.#activeKeys(source).length >= MAX_ACTIVE_WRITE_KEYS) throw tooManyWriteKeys(source);
        this.#keys.set(hash, { key: { hash, source, createdAtMs }, revoked: false });
      } else if (entry.revoked || entry.key.source !== source || entry.key.createdAtMs !== createdAtMs) {
        throw writeKeyTaken();
      }
    });
  }

  list(source: string): Promise<readonly WriteKey[]> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'list', subject: source }, () =>
      this.#activeKeys(source).sort((a, b) => a.createdAtMs - b.createdAtMs),
    );
  }

  revoke(source: string, hash: string): Promise<boolean> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'revoke', subject: hash }, () => {
      const entry = this.#keys.get(hash);
      if (entry === undefined || entry.key.source !== source) return false;
      entry.revoked = true;
      return true;
    });
  }

  noteUse(hash: string, usedAtMs: number): Promise<void> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'note-use', subject: hash }, () => {
      const entry = this.#keys.get(hash);
      if (entry === undefined || !isUseDue(entry.key.lastUsedAtMs, usedAtMs)) return;
      entry.key = { ...entry.key, lastUsedAtMs: usedAtMs };
    });
  }

  #activeKeys(source: string): WriteKey[] {
    return [...this.#keys.values()]
      .filter((entry) => entry.key.source === source && !entry.revoked)
      .map((entry) => entry.key);
  }
}
