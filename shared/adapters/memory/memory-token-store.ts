import { isDeepStrictEqual } from 'node:util';
import { NO_TOKENS, type StoredTokens, type TokenState, type TokenStore } from '../../ports/token-store.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Tokens in memory. */
export class MemoryTokenStore implements TokenStore {
  readonly #tokens = new Map<string, StoredTokens>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn | undefined } = {}) {
    this.#turn = options.turn;
  }

  read(source: string): Promise<StoredTokens> {
    return takeTurn(this.#turn, { port: 'tokens', operation: 'read', subject: source }, () =>
      this.peek(source),
    );
  }

  write(source: string, expectedVersion: number, tokens: TokenState): Promise<'ok' | 'conflict'> {
    return takeTurn(this.#turn, { port: 'tokens', operation: 'write', subject: source }, () => {
      const old = this.peek(source);
      const next = { ...tokens, version: expectedVersion + 1 };
      // The second part is this very write, repeated because its answer was lost.
      if (old.version !== expectedVersion) return isDeepStrictEqual(old, next) ? 'ok' : 'conflict';
      this.#tokens.set(source, next);
      return 'ok';
    });
  }

  /** For tests: what is stored, without a turn. */
  peek(source: string): StoredTokens {
    return this.#tokens.get(source) ?? NO_TOKENS;
  }
}
