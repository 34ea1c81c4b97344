import type { FileStage } from '../../ports/file-stage.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Staged files in memory. */
export class MemoryFileStage implements FileStage {
  readonly #files = new Map<string, Uint8Array>();
  readonly #turn: Turn | undefined;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  put(name: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    return takeTurn(this.#turn, { port: 'stage', operation: 'put', subject: name }, () => {
      if (this.#files.has(name)) return 'exists';
      this.#files.set(name, Uint8Array.from(bytes));
      return 'created';
    });
  }

  read(name: string): Promise<Uint8Array | undefined> {
    return takeTurn(this.#turn, { port: 'stage', operation: 'read', subject: name }, () =>
      this.#files.get(name),
    );
  }
}
