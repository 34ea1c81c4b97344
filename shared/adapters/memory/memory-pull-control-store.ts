import {
  INITIAL_CONTROL,
  type PullControl,
  type PullControlState,
  type PullControlStore,
} from '../../ports/pull-control.ts';
import { takeTurn, type Turn } from './turn.ts';

interface Entry {
  readonly control: PullControl;
  readonly writer: string;
}

/** What is known of pulled sources, in memory. */
export class MemoryPullControlStore implements PullControlStore {
  readonly #entries = new Map<string, Entry>();
  readonly #turn: Turn | undefined;
  /** Writes that had an effect. */
  writes = 0;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
  }

  read(source: string): Promise<PullControl> {
    return takeTurn(this.#turn, { port: 'control', operation: 'read', subject: source }, () =>
      this.peek(source),
    );
  }

  write(
    source: string,
    expectedVersion: number,
    control: PullControlState,
    writer: string,
  ): Promise<'ok' | 'conflict'> {
    return takeTurn(this.#turn, { port: 'control', operation: 'write', subject: source }, () => {
      const old = this.#entries.get(source);
      if ((old?.control.version ?? 0) !== expectedVersion) return old?.writer === writer ? 'ok' : 'conflict';
      const version = expectedVersion + 1;
      this.#entries.set(source, { control: { ...structuredClone(control), version }, writer });
      this.writes++;
      return 'ok';
    });
  }

  /** What is known of a source, outside of any turn. */
  peek(source: string): PullControl {
    return this.#entries.get(source)?.control ?? INITIAL_CONTROL;
  }
}
