import type { QuarantineRow } from '../../domain/quarantine.ts';
import type { QuarantineFile, QuarantineFileFacts, QuarantineReader } from '../../ports/quarantine-reader.ts';
import type { MemoryLake } from './memory-lake.ts';
import { takeTurn, type Turn } from './turn.ts';

/** Reads quarantine files of a lake in memory, whatever form they have. */
export class MemoryQuarantineReader implements QuarantineReader {
  readonly #lake: MemoryLake;
  readonly #readRows: (bytes: Uint8Array) => readonly QuarantineRow[];
  readonly #turn: Turn | undefined;

  constructor(options: {
    readonly lake: MemoryLake;
    readonly readRows: (bytes: Uint8Array) => readonly QuarantineRow[];
    readonly turn?: Turn;
  }) {
    this.#lake = options.lake;
    this.#readRows = options.readRows;
    this.#turn = options.turn;
  }

  read(key: string): Promise<QuarantineFile | undefined> {
    return takeTurn(this.#turn, { port: 'lake', operation: 'read', subject: key }, () => {
      const object = this.#lake.peek(key);
      if (object === undefined) return undefined;
      const { kind, lane, bytes } = object;
      return { kind, lane, rows: kind === 'data' ? this.#readRows(bytes) : [] };
    });
  }

  describe(key: string): Promise<QuarantineFileFacts | undefined> {
    return takeTurn(this.#turn, { port: 'lake', operation: 'describe', subject: key }, () => {
      const object = this.#lake.peek(key);
      return object && { kind: object.kind, rows: object.kind === 'data' ? object.rows : 0 };
    });
  }
}
