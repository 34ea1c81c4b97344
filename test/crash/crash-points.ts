import type { SeenRequest } from '../../cloud/fault-proxy/seen-request.ts';
import { ledgerCallOf } from './ledger-call.ts';

/**
 * What happens at a crash point:
 * - `before`: the process is killed when it makes the call, which never arrives
 * - `after`: the process is killed once the call has had its effect, and never learns it
 * - `lost`: the answer is lost and the process lives; its SDK makes the call again
 * - `zombie`: the call is held, the mapping gives the process up, its successor lands everything; then the call goes on
 */
export type Variant = 'before' | 'after' | 'lost' | 'zombie';

export const VARIANTS: readonly Variant[] = ['before', 'after', 'lost', 'zombie'];

/** A named place of the engine at which a process dies, and the storage call by which it is known on the wire. */
export interface CrashPoint {
  readonly name: string;
  /** For people. */
  readonly call: string;
  /** Whether a call of the process that works on a shard is the one. */
  matches(request: SeenRequest): boolean;
  /** Which of several such calls, from 1. Those behind it are held until it has been decided. */
  readonly nth: number;
  /**
   * Who makes the call: the function on a delivery; the function that finds what a killed one has announced; nobody but
   * the mapping; an operator who replays a delivery that the mapping has given up.
   */
  readonly by: 'function' | 'successor' | 'mapping' | 'operator';
  readonly variants: readonly Variant[];
  /** Whether another consumer claims in the same buckets. One that is alone stores nothing apart. */
  readonly isShared: boolean;
}

const isLedger =
  (operation: string, on: 'shard' | 'replay' = 'shard') =>
  (request: SeenRequest): boolean => {
    const call = ledgerCallOf(request);
    return call?.operation === operation && call.lane.startsWith('replay/') === (on === 'replay');
  };

const isClaim =
  (kind: 'content' | 'entry') =>
  ({ service, operation, input }: SeenRequest): boolean => {
    if (service !== 'dynamodb' || operation !== 'PutItem') return false;
    const bucket = (input as { readonly Item?: { readonly bucket?: { readonly S?: string } } }).Item?.bucket
      ?.S;
    return bucket?.startsWith('claims#') === (kind === 'content');
  };

const isFile = ({ service, operation, metadata }: SeenRequest, kind: 'data' | 'tombstone'): boolean =>
  service === 's3' && operation === 'PutObject' && metadata['headgate-kind'] === kind;

const isData =
  (on: 'shard' | 'replay') =>
  (request: SeenRequest): boolean =>
    isFile(request, 'data') && request.resource.includes('-replay-') === (on === 'replay');

const isTombstone =
  (by: 'creation' | 'overwriting') =>
  (request: SeenRequest): boolean =>
    isFile(request, 'tombstone') && request.isCreation === (by === 'creation');

/** Files of every delivery of a cell: three days and one of quarantine, however it is cut. */
const FILES_PER_BATCH = 4;

const point = (
  name: string,
  call: string,
  matches: CrashPoint['matches'],
  more: Partial<Pick<CrashPoint, 'nth' | 'by' | 'variants' | 'isShared'>> = {},
): CrashPoint => ({
  name,
  call,
  matches,
  nth: 1,
  by: 'function',
  variants: VARIANTS,
  isShared: false,
  ...more,
});

/** Every named crash point (shared/pipeline/probe.ts), the acknowledgement, and the replay of a parked delivery. */
export const CRASH_POINTS: readonly CrashPoint[] = [
  point('B.1', 'read the ledger', isLedger('read')),
  point('A.1', 'store claims', isClaim('content'), { isShared: true }),
  point('A.2', 'append claims, first bucket', isClaim('entry')),
  point('A.3', 'append claims, second bucket', isClaim('entry'), { nth: 2 }),
  point('B.2', 'append claims, last bucket', isClaim('entry'), { nth: 3 }),
  point('B.3', 'announce the intent', isLedger('announce')),
  point('B.4', 'create file 2 of 4', isData('shard'), { nth: 2 }),
  point('B.5', 'create file 4 of 4', isData('shard'), { nth: FILES_PER_BATCH }),
  point('B.6', 'commit', isLedger('commit')),
  point('B.7', 'answer the mapping', () => false, { by: 'mapping', variants: ['lost'] }),
  point('R.1', 'create a tombstone', isTombstone('creation'), {
    by: 'successor',
    // One of two: where data stands, a tombstone has no effect.
    nth: 2,
  }),
  point('R.2', 'withdraw a file', isTombstone('overwriting'), { by: 'successor' }),
  point('R.3', 'abort the intent', isLedger('abort'), { by: 'successor' }),
  point('P.1', 'cede the shard', isLedger('cede'), { by: 'operator' }),
  point('P.2', 'create a file of the replay', isData('replay'), {
    by: 'operator',
  }),
  point('P.3', 'commit the replay', isLedger('commit', 'replay'), { by: 'operator' }),
];
