import { comparePositions, isSequenceNumber } from '../../domain/identity.ts';
import type {
  CasResult,
  Commit,
  CommittedRange,
  Intent,
  LedgerState,
  LedgerStore,
} from '../../ports/ledger-store.ts';
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

  constructor(options: { readonly turn?: Turn } = {}) {
    this.#turn = options.turn;
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
      if (isSequenceNumber(commit.from) && isSequenceNumber(commit.to)) ranges.push({ ...commit });
      return { ...state, position: commit.to, commits: state.commits + 1, intent: undefined };
    });
  }

  abort(lane: string, expectedVersion: number, writer: string): Promise<CasResult> {
    return this.#write('abort', lane, expectedVersion, writer, ({ state }) => ({
      ...state,
      intent: undefined,
    }));
  }

  rangeCovering(lane: string, position: string): Promise<CommittedRange | undefined> {
    return takeTurn(this.#turn, { port: 'ledger', operation: 'rangeCovering', subject: lane }, () =>
      isSequenceNumber(position)
        ? this.ranges(lane).find(
            ({ from, to }) => comparePositions(from, position) <= 0 && comparePositions(position, to) <= 0,
          )
        : undefined,
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
    operation: 'announce' | 'commit' | 'abort',
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
