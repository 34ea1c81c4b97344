import { missingParameter } from '../../domain/missing-parameter.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Parameters in memory. */
export class MemoryParameterStore implements ParameterStore {
  readonly #values: Map<string, string>;
  readonly #turn: Turn | undefined;

  constructor(options: { readonly values?: Readonly<Record<string, string>>; readonly turn?: Turn } = {}) {
    this.#values = new Map(Object.entries(options.values ?? {}));
    this.#turn = options.turn;
  }

  get(name: string): Promise<string> {
    return takeTurn(this.#turn, { port: 'parameters', operation: 'get', subject: name }, () => {
      const value = this.#values.get(name);
      if (value === undefined) throw missingParameter(name);
      return value;
    });
  }

  set(name: string, value: string): void {
    this.#values.set(name, value);
  }
}
