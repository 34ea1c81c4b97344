import { hash } from 'node:crypto';
import { RejectedError } from '../../domain/errors.ts';
import { isFrame, RecordFlag, writeFrame, type FrameRecord } from '../../domain/frame.ts';
import type { Origin } from '../../domain/identity.ts';
import { partitionNumber } from '../../domain/object-key.ts';
import { UNKNOWN_SOURCE, type QuarantineRow } from '../../domain/quarantine.ts';
import { formatRowSet, parseRowSet } from '../../domain/row-set.ts';
import type { Source } from '../../domain/source.ts';
import { readStagedBatch, writeStagedBatch, type StagedPart } from '../../domain/staged-batch.ts';
import type { BatchStage } from '../../ports/batch-stage.ts';
import type { LedgerState } from '../../ports/ledger-store.ts';
import type { QuarantineReader } from '../../ports/quarantine-reader.ts';
import { decodeStreamRecord } from '../decode-stream-record.ts';
import { readSettled, runLane, type LandDeps, type RunOptions, type RunOutcome } from '../land.ts';
import type { LaneBatch, LaneReader } from '../lane.ts';
import { MAX_STAGED_PARTITIONS, toLaneEntries } from '../staged-entries.ts';

/*
 * Lands records that are in quarantine, once the contract or their payload is mended. What it guarantees, for one file any
 * number of times, by several operators at once, with different edits, and after a crash at any point: every row leaves
 * the file once at most, with one payload. It lands, or is a duplicate, or goes to a new file of the quarantine
 * (`KEY_CONFLICT`); rows that still violate the contract stay, and so do conflicts that nothing was changed about.
 *
 * How: a file has a lane of its own, whose position is the set of its rows that are done. What is offered together is
 * staged before any key is claimed: whoever comes next, after a crash too, finishes that first, edits included, because
 * its records may hold claims already. Records keep their identities, so they find their own claims.
 *
 * The file itself must be one that stays: while the announcement that names it is pending, whoever resolves that may
 * withdraw the file, and its records would land here and there.
 */

export interface ReplayQuarantineDeps extends LandDeps {
  readonly quarantine: QuarantineReader;
  readonly stage: BatchStage;
}

export interface ReplayQuarantineOptions extends RunOptions {
  /** Which rows to replay; all by default. `number` counts from 0. */
  readonly select?: (row: QuarantineRow, number: number) => boolean;
  /** The payload to replay instead of a row's own; undefined leaves it as it is. */
  readonly edit?: (row: QuarantineRow, number: number) => Uint8Array | undefined;
  /** Source that rows of an unknown source belong to. */
  readonly source?: string;
}

export interface QuarantineReplay {
  /** Whether everything that can be replayed now is done; otherwise the deadline came first: replay it again. */
  readonly finished: boolean;
  /** Rows of the file that were selected. */
  readonly selected: number;
  /** Selected rows that are done now. */
  readonly done: number;
  /** Those of them that others have done, or an earlier replay: perhaps with other edits than this one's. */
  readonly alreadyDone: number;
  /** Selected rows that stay in the file, and why. */
  readonly stillViolating: readonly StayingRow[];
  readonly commits: number;
  /**
   * What this replay committed, by source: records that landed, duplicates, and those that went to a new quarantine file
   * (`quarantined`), a key conflict as a rule. Others who finish or resolve the same rows count what they commit.
   */
  readonly counts: RunOutcome['counts'];
}

/** A row that cannot be replayed as it is. */
export interface StayingRow {
  readonly number: number;
  readonly id: string;
  /** For people; each names the field, what is wrong with it, or what to do. */
  readonly problems: readonly string[];
}

/** Raw bytes of one batch, one row at least. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;
const PREFIX = 'quarantine/';
const STEM_DIGITS = 16;

/**
 * Replays a file of the quarantine.
 *
 * @param key the object's key, `quarantine/…`
 * @throws RejectedError with code `QUARANTINE_FILE_MISSING`, or `REPLAY_SOURCE_UNKNOWN` for `options.source`
 * @throws HeadgateError when a store fails; everything committed so far stays committed
 */
export async function replayQuarantine(
  deps: ReplayQuarantineDeps,
  key: string,
  options: ReplayQuarantineOptions,
): Promise<QuarantineReplay> {
  assertSource(deps.sources, options.source);
  const rows = await readSettledRows(deps, key, options);
  if (rows === undefined) return NOTHING_YET;
  const selected = new Map<number, QuarantineRow>();
  rows.forEach((row, number) => {
    if (options.select?.(row, number) ?? true) selected.set(number, row);
  });
  const lane = `replay/${key}`;
  const reader = createQuarantineReader(deps, lane, selected, options);
  const run = await runLane(deps, reader, options);
  const done = parseRowSet((await deps.ledger.read(lane)).position);
  const doneNow = [...selected.keys()].filter((number) => done.has(number));
  return {
    ...run,
    selected: selected.size,
    done: doneNow.length,
    alreadyDone: doneNow.filter((number) => !reader.hasDecided(number)).length,
    stillViolating: reader.staying().filter(({ number }) => !done.has(number)),
  };
}

const NOTHING_YET: QuarantineReplay = {
  finished: false,
  selected: 0,
  done: 0,
  alreadyDone: 0,
  stillViolating: [],
  commits: 0,
  counts: new Map(),
};

function assertSource(sources: ReadonlyMap<string, Source>, name: string | undefined): void {
  if (name === undefined || sources.has(name)) return;
  throw new RejectedError(
    'REPLAY_SOURCE_UNKNOWN',
    `source ${JSON.stringify(name)} is not declared in this configuration; there are: ${[...sources.keys()].join(', ')}`,
  );
}

/**
 * The rows of a file that stays.
 *
 * @returns undefined when the deadline came before it was clear whether it does
 */
async function readSettledRows(
  deps: ReplayQuarantineDeps,
  key: string,
  options: RunOptions,
): Promise<readonly QuarantineRow[] | undefined> {
  const file = key.startsWith(PREFIX) ? await deps.quarantine.read(key) : undefined;
  if (file === undefined) {
    throw new RejectedError(
      'QUARANTINE_FILE_MISSING',
      `there is no quarantine file ${JSON.stringify(key)}; name the key of an object under ${PREFIX} in the lake bucket`,
    );
  }
  const { intent } = await deps.ledger.read(file.lane);
  const isPending = intent?.objects.some((object) => object.key === key) === true;
  if (isPending && (await readSettled(deps, file.lane, options)) === undefined) return undefined;
  // A file is withdrawn before its announcement is removed. So what is data now, stays.
  return (await deps.lake.kindOf(key)) === 'data' ? file.rows : [];
}

/** Records of one row, as they can be staged. */
interface Candidate {
  readonly number: number;
  readonly origin: Origin;
  readonly index: number;
  readonly bytes: number;
  /** Partitions that its records fall into. */
  readonly partitions: readonly string[];
  readonly arrivedAtMs: number;
  /** One record, which can share a frame with its neighbours, or a whole stream record. */
  readonly content:
    | { readonly kind: 'record'; readonly source: Source; readonly record: FrameRecord }
    | { readonly kind: 'whole'; readonly source: string | undefined; readonly data: Uint8Array };
}

interface QuarantineLaneReader extends LaneReader {
  /** Whether this reader was the one that staged a row. */
  hasDecided(number: number): boolean;
  /** Rows that cannot be replayed, as far as they were looked at. */
  staying(): readonly StayingRow[];
}

function createQuarantineReader(
  { sources, stage }: ReplayQuarantineDeps,
  lane: string,
  selected: ReadonlyMap<number, QuarantineRow>,
  { edit, source }: ReplayQuarantineOptions,
): QuarantineLaneReader {
  const decided = new Set<number>();
  let prepared:
    { readonly candidates: readonly Candidate[]; readonly staying: readonly StayingRow[] } | undefined;
  const prepare = (done: ReadonlySet<number>) => {
    const candidates: Candidate[] = [];
    const staying: StayingRow[] = [];
    for (const [number, row] of selected) {
      if (done.has(number)) continue;
      const candidate = toCandidate(sources, source, number, row, edit?.(row, number));
      if ('problems' in candidate) staying.push(candidate);
      else candidates.push(candidate);
    }
    return { candidates, staying };
  };
  return {
    lane,
    hasDecided: (number) => decided.has(number),
    staying: () => prepared?.staying ?? [],
    async read(state: LedgerState, maxBytes: number): Promise<LaneBatch | undefined> {
      const done = parseRowSet(state.position);
      let staged = await stage.find(lane, state.commits);
      if (staged === undefined) {
        prepared ??= prepare(done);
        const pending = prepared.candidates.filter(({ number }) => !done.has(number));
        const batch = fillBatch(pending, Math.min(maxBytes, MAX_BATCH_BYTES));
        if (batch.length === 0) return undefined;
        const to = formatRowSet(new Set([...done, ...batch.map(({ number }) => number)]));
        const draft = writeStagedBatch({ to, parts: toParts(batch) });
        staged = await stage.decide(lane, state.commits, draft);
        if (draft.equals(staged)) for (const { number } of batch) decided.add(number);
      }
      const { to, parts } = readStagedBatch(staged);
      return {
        from: state.position ?? formatRowSet(new Set()),
        to,
        stem: `replay-${hash('sha256', lane).slice(0, STEM_DIGITS)}-${String(state.commits)}`,
        entries: toLaneEntries(sources, parts),
      };
    },
  };
}

/** A row as it can be staged, or why it stays. */
function toCandidate(
  sources: ReadonlyMap<string, Source>,
  named: string | undefined,
  number: number,
  row: QuarantineRow,
  edited: Uint8Array | undefined,
): Candidate | StayingRow {
  const { id, receivedAtMs } = row;
  const raw = edited ?? row.raw;
  const stays = (...problems: readonly string[]): StayingRow => ({ number, id, problems });
  const slash = id.lastIndexOf('/');
  const place = {
    number,
    origin: id.slice(0, slash),
    index: Number(id.slice(slash + 1)),
    arrivedAtMs: receivedAtMs,
  };
  const name = row.source === UNKNOWN_SOURCE ? named : row.source;
  if (isWholeRecord(row)) return toWhole(sources, name, place, raw, stays);
  if (name === undefined) return stays('the row belongs to no source; name the one that it belongs to');
  const source = sources.get(name);
  if (source === undefined)
    return stays(`source ${JSON.stringify(name)} is not declared in this configuration`);
  const checked = source.check(raw, receivedAtMs);
  if (checked.status !== 'accepted') return stays(...checked.violations.map(({ message }) => message));
  const { record } = checked;
  if (edited === undefined && row.reason === 'KEY_CONFLICT' && row.key === toHex(record.fingerprint)) {
    return stays(
      `another record with the same key (${source.config.key.join(', ')}) was accepted before; edit the record, or name ` +
        'more fields in the key of the source',
    );
  }
  const content = { kind: 'record', source, record } as const;
  return { ...place, bytes: raw.length, partitions: [partitionOf(source, record.eventTimeMs)], content };
}

/** Whether a row holds a whole stream record: nothing could be read of it, not even a contract version. */
function isWholeRecord({ reason, schemaVersion }: QuarantineRow): boolean {
  return reason === 'UNREADABLE_FRAME' || (reason === 'UNKNOWN_SOURCE' && schemaVersion === undefined);
}

function toWhole(
  sources: ReadonlyMap<string, Source>,
  name: string | undefined,
  place: Pick<Candidate, 'number' | 'origin' | 'index' | 'arrivedAtMs'>,
  data: Uint8Array,
  stays: (...problems: readonly string[]) => StayingRow,
): Candidate | StayingRow {
  if (!isFrame(data) && name === undefined) {
    return stays('the record is no frame and belongs to no source; name the one that it belongs to');
  }
  const { origin, arrivedAtMs } = place;
  const partitions = new Set<string>();
  let bytes = 0;
  for (const entry of decodeStreamRecord(sources, name, { origin, firstIndex: 0, arrivedAtMs, data })) {
    if (entry.kind === 'quarantine') return stays(entry.row.error);
    const { frame, source } = entry;
    bytes += frame.payload.length;
    for (let i = 0; i < frame.count; i++) {
      if (frame.flags[i] === RecordFlag.violation) continue;
      partitions.add(partitionOf(source, frame.eventTimesMs[i] ?? 0));
    }
  }
  return { ...place, bytes, partitions: [...partitions], content: { kind: 'whole', source: name, data } };
}

const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const partitionOf = ({ name, config }: Source, eventTimeMs: number): string =>
  `${name}/${String(partitionNumber(config.partition, eventTimeMs))}`;

/** As many of the first candidates as one commit takes, one at least. */
function fillBatch(pending: readonly Candidate[], maxBytes: number): readonly Candidate[] {
  const partitions = new Set<string>();
  let bytes = 0;
  const end = pending.findIndex((candidate, i) => {
    bytes += candidate.bytes;
    for (const partition of candidate.partitions) partitions.add(partition);
    return i > 0 && (bytes > maxBytes || partitions.size > MAX_STAGED_PARTITIONS);
  });
  return end < 0 ? pending : pending.slice(0, end);
}

/** One part per run of records that follow each other in one origin, and per whole record. */
function toParts(batch: readonly Candidate[]): readonly StagedPart[] {
  const parts: StagedPart[] = [];
  let run:
    { readonly first: Candidate; readonly source: Source; readonly records: FrameRecord[] } | undefined;
  const endRun = (): void => {
    if (run === undefined) return;
    const { first, source, records } = run;
    const { origin, index: firstIndex, arrivedAtMs } = first;
    const header = {
      source: source.name,
      frameId: origin,
      contractVersion: source.contract.version,
      receivedAtMs: arrivedAtMs,
    };
    // Where requests are claimed as a whole, this one was when its frame was delivered. (Not if its source was unknown
    // then; but of what request a row was the file does not say.)
    parts.push({ origin, firstIndex, claims: 'none', arrivedAtMs, bytes: writeFrame(header, records) });
    run = undefined;
  };
  for (const candidate of batch) {
    const { content, origin, index, arrivedAtMs } = candidate;
    if (content.kind === 'whole') {
      endRun();
      parts.push({ origin, firstIndex: 0, source: content.source, arrivedAtMs, bytes: content.data });
      continue;
    }
    const follows =
      run !== undefined &&
      run.first.origin === origin &&
      run.first.index + run.records.length === index &&
      run.first.arrivedAtMs === arrivedAtMs &&
      run.source === content.source;
    if (!follows) {
      endRun();
      run = { first: candidate, source: content.source, records: [] };
    }
    run?.records.push(content.record);
  }
  endRun();
  return parts;
}
