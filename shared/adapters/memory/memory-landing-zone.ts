import type { FramePage, FrameWriter, LandingZone } from '../../ports/landing-zone.ts';
import { takeTurn, type StoreCall, type Turn } from './turn.ts';

/** Small, so that tests see several pages. */
const DEFAULT_PAGE_SIZE = 100;

/** A landing zone in memory. */
export class MemoryLandingZone implements FrameWriter, LandingZone {
  readonly #frames = new Map<string, Map<string, Uint8Array>>();
  readonly #pageSize: number;
  readonly #turn: Turn | undefined;

  constructor(options: { readonly pageSize?: number; readonly turn?: Turn } = {}) {
    this.#pageSize = options.pageSize ?? DEFAULT_PAGE_SIZE;
    this.#turn = options.turn;
  }

  put(source: string, name: string, bytes: Uint8Array): Promise<void> {
    return takeTurn(this.#turn, callOf('put', source, name), () => {
      const frames = this.#of(source);
      if (!frames.has(name)) frames.set(name, Uint8Array.from(bytes));
    });
  }

  list(source: string, after: string): Promise<FramePage> {
    return takeTurn(this.#turn, callOf('list', source, after), () => {
      const names = this.names(source).filter((name) => name > after);
      return {
        frames: names.slice(0, this.#pageSize).map((name) => ({
          name,
          bytes: this.#of(source).get(name)?.length ?? 0,
        })),
        isLast: names.length <= this.#pageSize,
      };
    });
  }

  read(source: string, name: string): Promise<Uint8Array | undefined> {
    return takeTurn(this.#turn, callOf('read', source, name), () => this.#of(source).get(name));
  }

  remove(source: string, names: readonly string[]): Promise<void> {
    return takeTurn(this.#turn, callOf('remove', source, `${String(names.length)} frames`), () => {
      for (const name of names) this.#of(source).delete(name);
    });
  }

  /** Names of the frames that are there, in order. */
  names(source: string): readonly string[] {
    return [...this.#of(source).keys()].sort();
  }

  #of(source: string): Map<string, Uint8Array> {
    let frames = this.#frames.get(source);
    if (frames === undefined) this.#frames.set(source, (frames = new Map<string, Uint8Array>()));
    return frames;
  }
}

const callOf = (operation: string, source: string, subject: string): StoreCall => ({
  port: 'landing',
  operation,
  subject: `${source}/${subject}`,
});
