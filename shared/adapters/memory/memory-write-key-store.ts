import { writeKeyTaken } from '../../domain/write-key-taken.ts';
import type { WriteKey, WriteKeyStore } from '../../ports/write-key-store.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Write keys in memory. */
export class MemoryWriteKeyStore implements WriteKeyStore {
  readonly #keys = new Map<string, { readonly key: WriteKey; revoked: boolean }>();
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

  create(key: WriteKey): Promise<void> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'create', subject: key.hash }, () => {
      const entry = this.#keys.get(key.hash);
      if (entry === undefined) this.#keys.set(key.hash, { key: { ...key }, revoked: false });
      else if (
        entry.revoked ||
        entry.key.source !== key.source ||
        entry.key.createdAtMs !== key.createdAtMs
      ) {
        throw writeKeyTaken();
      }
    });
  }

  list(source: string): Promise<readonly WriteKey[]> {
    return takeTurn(this.#turn, { port: 'write-keys', operation: 'list', subject: source }, () =>
      [...this.#keys.values()]
        .filter((entry) => entry.key.source === source && !entry.revoked)
        .map((entry) => entry.key)
        .sort((a, b) => a.createdAtMs - b.createdAtMs),
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
}
