import type { BeginResult, RequestClaim, RequestStore, StoredAnswer } from '../../ports/request-store.ts';
import { takeTurn, type Turn } from './turn.ts';

interface Entry {
  readonly claim: RequestClaim;
  answer: StoredAnswer | undefined;
}

/** Remembered requests in memory. */
export class MemoryRequestStore implements RequestStore {
  readonly #entries = new Map<string, Entry>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  begin(request: RequestClaim): Promise<BeginResult> {
    return this.#take('begin', request, () => {
      const name = nameOf(request);
      const entry = this.#entries.get(name);
      const remembered = entry !== undefined && entry.claim.expiresAtMs > request.nowMs;
      if (remembered) {
        if (entry.claim.payloadHash !== request.payloadHash) return { status: 'other-payload' };
        if (entry.answer !== undefined) return { status: 'done', answer: entry.answer };
        const running = entry.claim.leaseUntilMs > request.nowMs;
        if (running && entry.claim.attempt !== request.attempt) return { status: 'in-progress' };
      }
      this.#entries.set(name, { claim: request, answer: undefined });
      return { status: 'new' };
    });
  }

  complete(request: RequestClaim, answer: StoredAnswer): Promise<void> {
    return this.#take('complete', request, () => {
      const entry = this.#current(request);
      if (entry !== undefined) entry.answer ??= { ...answer };
    });
  }

  release(request: RequestClaim): Promise<void> {
    return this.#take('release', request, () => {
      const entry = this.#current(request);
      if (entry !== undefined && entry.answer === undefined) this.#entries.delete(nameOf(request));
    });
  }

  /** The entry of this very attempt; undefined when another one has taken over. */
  #current(request: RequestClaim): Entry | undefined {
    const entry = this.#entries.get(nameOf(request));
    return entry?.claim.attempt === request.attempt ? entry : undefined;
  }

  #take<Answer>(operation: string, request: RequestClaim, effect: () => Answer): Promise<Answer> {
    return takeTurn(this.#turn, { port: 'requests', operation, subject: nameOf(request) }, effect);
  }
}

/** Source names contain no `#`, so two requests with the same name are the same. */
function nameOf({ source, idempotencyKey }: RequestClaim): string {
  return `${source}#${idempotencyKey}`;
}
