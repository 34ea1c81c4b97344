import { comparePositions, isSequenceNumber } from '../../domain/identity.ts';
import {
  assertSettled,
  type CasResult,
  type Commit,
  type CommittedRange,
  type Intent,
  type LedgerState,
  type LedgerStore,
} from '../../ports/ledger-store.ts';
import { MemoryCountStore } from './memory-count-store.ts';
import { takeTurn, type Turn } from './turn.ts';

interface Lane {
  state: LedgerState;
  /** Who made the newest write, and which: a repetition of it is recognised. */
  newest: string | undefined;
  readonly ranges: CommittedRange[];
}

/** A ledger in memory. */
export class MemoryLedgerStore implements LedgerStore {
  readonly #lanes = new Map<string, Lane>();
  readonly #turn: Turn | undefined;
  /** What commits settle is added here. */
  readonly counts: MemoryCountStore;

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
    this.counts = new MemoryCountStore(options);
  }

  read(lane: string): Promise<LedgerState> {
    return takeTurn(this.#turn, { port: 'ledger', operation: 'read', subject: lane }, () => this.peek(lane));
  }

  announce(lane: string, expectedVersion: number, intent: Intent, writer: string): Promise<CasResult> {
    return this.#write('announce', lane, expectedVersion, writer, ({ state }) => ({
      ...state,
      intent: structuredClone(intent),
    }));
  }

  commit(lane: string, expectedVersion: number, commit: Commit, writer: string): Promise<CasResult> {
    return this.#write('commit', lane, expectedVersion, writer, ({ state, ranges }) => {
      const { settled = [], ...range } = commit;
      assertSettled(settled);
      if (isSequenceNumber(range.from) && isSequenceNumber(range.to)) ranges.push(range);
      this.counts.settle(settled);
      return { ...state, position: commit.to, commits: state.commits + 1, intent: undefined };
    });
  }

  abort(lane: string, expectedVersion: number, writer: string): Promise<CasResult> {
    return this.#write('abort', lane, expectedVersion, writer, ({ state }) => ({
      ...state,
      intent: undefined,
    }));
  }

  async cede(lane: string, expectedVersion: number, to: string, writer: string): Promise<CasResult> {
    if (!isSequenceNumber(to)) throw new RangeError(`cannot cede ${lane} up to ${JSON.stringify(to)}`);
    return await this.#write('cede', lane, expectedVersion, writer, ({ state }) => {
      const { position, intent } = state;
      if (intent !== undefined)
        throw new RangeError(`${lane} has a pending intent; resolve it before ceding`);
      if (position !== undefined && comparePositions(position, to) >= 0) {
        throw new RangeError(`${lane} is at ${position} already, it cannot cede up to ${to}`);
      }
      return { ...state, position: to };
    });
  }

  reposition(
    lane: string,
    expectedVersion: number,
    to: string | undefined,
    writer: string,
  ): Promise<CasResult> {
    return this.#write('reposition', lane, expectedVersion, writer, ({ state }) => {
      if (state.intent !== undefined)
        throw new RangeError(`${lane} has a pending intent; resolve it before repositioning`);
      return { ...state, position: to, commits: state.commits + 1 };
    });
  }

  rangesOverlapping(lane: string, from: string, to: string): Promise<readonly CommittedRange[]> {
    return takeTurn(this.#turn, { port: 'ledger', operation: 'rangesOverlapping', subject: lane }, () =>
      isSequenceNumber(from) && isSequenceNumber(to)
        ? this.ranges(lane)
            .filter((range) => comparePositions(range.from, to) <= 0 && comparePositions(from, range.to) <= 0)
            .sort((a, b) => comparePositions(a.to, b.to))
        : [],
    );
  }

  /** The state of a lane, outside of any turn. */
  peek(lane: string): LedgerState {
    return this.#lanes.get(lane)?.state ?? { position: undefined, commits: 0, version: 0, intent: undefined };
  }

  /** Names of all lanes that were ever written, outside of any turn. */
  lanes(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  /** Every committed range of a lane with ordered positions, in the order of the commits, outside of any turn. */
  ranges(lane: string): readonly CommittedRange[] {
    return this.#lanes.get(lane)?.ranges ?? [];
  }

  #write(
    operation: 'announce' | 'commit' | 'abort' | 'cede' | 'reposition',
    name: string,
    expectedVersion: number,
    writer: string,
    next: (lane: Lane) => LedgerState,
  ): Promise<CasResult> {
    return takeTurn(this.#turn, { port: 'ledger', operation, subject: name }, () => {
      const token = `${operation}/${String(expectedVersion)}/${writer}`;
      const lane = this.#lanes.get(name) ?? { state: this.peek(name), newest: undefined, ranges: [] };
      if (lane.state.version !== expectedVersion) return lane.newest === token ? 'ok' : 'conflict';
      lane.state = { ...next(lane), version: expectedVersion + 1 };
      lane.newest = token;
      this.#lanes.set(name, lane);
      return 'ok';
    });
  }
}
