import { hash } from 'node:crypto';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import * as z from 'zod';
import type { DatabaseSourceConfig } from '../../config/schema.ts';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import type { DeleteCount } from '../../domain/reconciliation.ts';
import type { Source } from '../../domain/source.ts';
import type { KeyFile } from '../../ports/row-keys.ts';
import type { TableBatch, TableSource } from '../../ports/table-source.ts';
import { splitTooLarge } from '../table/create-extract-reader.ts';
import { readParts } from '../table/extract-stage.ts';
import { COMMIT_RESERVE_MS, type TableReaderDeps } from '../table/table-reader.ts';
import { inventoryLane } from './deletes-batch.ts';

/*
 * An *inventory* is what a reconciliation works with. It is made in steps, each of which is decided once and staged, so
 * that any run goes on where another one has stopped:
 *
 *   keys/<source>                 batch n: the inventory: the files that the lake has, then
 *   keys/<source>/<n>/table       batch i: the keys of the table in range i
 *   keys/<source>/<n>/lake        batch j: the newest row of each key in files that the last inventory did not know
 *   keys/<source>/<n>/share       batch k: share k of the keys, divided into those that are alive and those that are gone
 *   keys/<source>/<n>/verdict     batch 0: deletes are held back; batch 1: somebody has accepted them
 *   keys/<source>/<n>/…/<attempt> files of the steps
 *
 * What it rests on:
 * - The files of the lake are listed before the first key of the table is read. So every row in them was in the table
 *   before its key was looked for: a key that is not found has been deleted since. Rows that land later are not in the
 *   list, and say nothing about that: who commits deletes leaves out all keys of which such a row is in the lake, and the
 *   next inventory looks at them.
 * - What is alive is what the last inventory has found alive and the files that it did not know. Keys of the last
 *   inventory of the *table* would not do: rows that came and went between two of them are in the lake, and in neither.
 */

/** Key files of one share are in memory together: some 100 bytes per key. */
const KEYS_PER_SHARE = 1_500_000;
/** An inventory that is older is begun anew. What stands in `keys/` expires after 60 days. */
const MAX_AGE_MS = 14 * 86_400_000;
/** What could not be done in this time would be begun for ever: a run has 15 minutes. */
export const TOO_LARGE_MS = 8 * 60_000;
/** What an older one has found alive is not built upon. */
const MAX_FORMER_AGE_MS = 45 * 86_400_000;

const inventorySchema = z.object({
  startedAtMs: z.number(),
  /** What keys depend on, see `shapeOf`. */
  shape: z.string(),
  /** How keys are divided into shares. All of them must be by the same way, or keys would be in none. */
  division: z.string(),
  /** See `TableSource.planBoundaries`. */
  boundaries: z.array(z.array(z.string())),
  /** The inventory that this one builds upon; undefined: none, it looks into all files. */
  former: z.int().optional(),
  /** Files of the lake when it was begun. */
  files: z.array(z.string()),
});

export interface Inventory extends Readonly<z.infer<typeof inventorySchema>> {
  readonly number: number;
}

const rangeSchema = z.object({ attempt: z.string(), rows: z.number(), files: z.int() });
const chunkSchema = z.object({
  attempt: z.string(),
  rows: z.number(),
  /** Files that are gathered with this chunk and those before it. */
  through: z.int(),
  newestMs: z.number().optional(),
});
const shareSchema = z.object({
  attempt: z.string(),
  of: z.int(),
  alive: z.number(),
  gone: z.number(),
});

/** What an inventory has found. */
export interface Findings extends DeleteCount {
  /** Key files of what is gone. */
  readonly files: readonly KeyFile[];
  /** The newest `_received_at` in the files that were looked into, ms since the epoch; undefined if they have no rows. */
  readonly newestMs: number | undefined;
}

type StageDeps = Pick<TableReaderDeps, 'source' | 'stage' | 'files' | 'clock'>;

/** Lane of a step. */
const stepLane = ({ source }: StageDeps, number: number, step: string): string =>
  `${inventoryLane(source.name)}/${String(number)}/${step}`;

/** Begins inventory `number`, unless somebody else has. */
export async function beginInventory(
  deps: TableReaderDeps,
  number: number,
  last: number | undefined,
): Promise<void> {
  const { source, table, stage, keys, clock, deadlineMs } = deps;
  const startedAtMs = clock.nowMs();
  const shape = shapeOf(source);
  const former = last === undefined ? undefined : await findInventory(deps, last);
  const isUseful =
    former !== undefined && former.shape === shape && startedAtMs - former.startedAtMs < MAX_FORMER_AGE_MS;
  const boundaries = await table.planBoundaries({
    rowsPerSplit: source.config.rowsPerSplit,
    deadlineMs: deadlineMs - COMMIT_RESERVE_MS,
  });
  const files = await keys.list(source);
  const inventory = inventorySchema.parse({
    ...{ startedAtMs, shape, division: divisionOf(deps), boundaries, files },
    ...(isUseful && { former: last }),
  });
  const bytes = zstdCompressSync(JSON.stringify(inventory));
  await stage.decide(inventoryLane(source.name), number, bytes);
}

/** An inventory that was begun; undefined when it has expired. */
export async function findInventory(deps: StageDeps, number: number): Promise<Inventory | undefined> {
  const bytes = await deps.stage.find(inventoryLane(deps.source.name), number);
  if (bytes === undefined) return undefined;
  const inventory = parseStaged(deps, inventorySchema, () => zstdDecompressSync(bytes));
  return { number, ...inventory };
}

/** Whether it can be gone on with: it is young, of the table as it is declared now, divided as now, and was not refused. */
export async function isUsable(deps: TableReaderDeps, inventory: Inventory): Promise<boolean> {
  const isYoung = deps.clock.nowMs() - inventory.startedAtMs < MAX_AGE_MS;
  if (!isYoung || inventory.shape !== shapeOf(deps.source)) return false;
  if (inventory.division !== divisionOf(deps)) return false;
  return !(await isHeld(deps, inventory.number)) || (await isAccepted(deps, inventory.number));
}

const divisionOf = ({ keys }: TableReaderDeps): string => `${keys.version}, ${String(KEYS_PER_SHARE)}`;

/** Notes that its deletes are held back: who comes next makes another inventory, unless they are accepted. */
export async function holdBack(deps: StageDeps, { number }: Inventory, reason: string): Promise<void> {
  await deps.stage.decide(stepLane(deps, number, 'verdict'), 0, Buffer.from(reason));
}

async function isHeld(deps: StageDeps, number: number): Promise<boolean> {
  return (await deps.stage.find(stepLane(deps, number, 'verdict'), 0)) !== undefined;
}

export async function isAccepted(deps: StageDeps, number: number): Promise<boolean> {
  return (await deps.stage.find(stepLane(deps, number, 'verdict'), 1)) !== undefined;
}

/**
 * Lets the deletes land that an inventory has found and that are held back.
 *
 * @throws BlockedError with code `NOTHING_HELD_BACK`
 */
export async function acceptDeletes(
  deps: Pick<TableReaderDeps, 'source' | 'stage' | 'files' | 'clock'>,
  number: number,
): Promise<void> {
  if (!(await isHeld(deps, number))) {
    throw new BlockedError(
      'NOTHING_HELD_BACK',
      `inventory ${String(number)} of source ${deps.source.name} holds no deletes back; headgate status ${deps.source.name} says how it stands`,
    );
  }
  await deps.stage.decide(stepLane(deps, number, 'verdict'), 1, Buffer.from('accepted'));
}

/**
 * What keys depend on. Those of another table, or of another type, are not compared.
 */
function shapeOf({ config }: Source<DatabaseSourceConfig>): string {
  const { type, connection, table, query, columns, key } = config;
  const { host, port, database } = connection;
  const types = key.map((name) => columns[name]);
  return hash('sha256', JSON.stringify([type, host, port, database, table, query, key, types]), 'base64url');
}

/* ------------------------------------------------------------------------------------------------------ steps */

/**
 * Takes the steps that nobody has taken, until time is up.
 *
 * @param untilMs no step is begun after it, ms since the epoch
 * @returns undefined when steps are left for the next run
 */
export async function takeSteps(
  deps: TableReaderDeps,
  inventory: Inventory,
  untilMs: number,
  onStep: () => void,
): Promise<Findings | undefined> {
  const steps = { deps, inventory, untilMs, onStep };
  const table = await readTable(steps);
  const lake = table && (await gatherLake(steps));
  if (table === undefined || lake === undefined) return undefined;
  const shares = await compareAll(steps, table, lake);
  if (shares === undefined) return undefined;
  const sum = (of: 'alive' | 'gone'): number => shares.reduce((total, share) => total + share[of], 0);
  return {
    alive: sum('alive') + sum('gone'),
    gone: sum('gone'),
    inTable: table.rows,
    files: shares
      .map(({ attempt, gone }, share) => ({
        name: shareName(deps, inventory.number, share, attempt, 'gone'),
        gone,
      }))
      .filter(({ gone }) => gone > 0)
      .map(({ name }) => toKeyFile(deps, name)),
    newestMs: lake.newestMs,
  };
}

interface Steps {
  readonly deps: TableReaderDeps;
  readonly inventory: Inventory;
  readonly untilMs: number;
  readonly onStep: () => void;
}

/** Whether the run is to take no more steps: time is up, or it is to leave the source. */
export async function isOver(
  { clock, stayHere }: Pick<TableReaderDeps, 'clock' | 'stayHere'>,
  untilMs: number,
): Promise<boolean> {
  return clock.nowMs() >= untilMs || (await stayHere?.()) !== undefined;
}

interface KeyFiles {
  readonly rows: number;
  readonly files: readonly KeyFile[];
}

/** Reads the keys of the table, range by range. */
async function readTable({ deps, inventory, untilMs, onStep }: Steps): Promise<KeyFiles | undefined> {
  const lane = stepLane(deps, inventory.number, 'table');
  const files: KeyFile[] = [];
  let rows = 0;
  for (let range = 0; range <= inventory.boundaries.length; range++) {
    let bytes = await deps.stage.find(lane, range);
    if (bytes === undefined) {
      if (await isOver(deps, untilMs)) return undefined;
      bytes = await readRange(deps, inventory, range);
      if (bytes === undefined) return undefined;
      onStep();
    }
    const staged = parseStaged(deps, rangeSchema, bytes);
    rows += staged.rows;
    for (let file = 0; file < staged.files; file++)
      files.push(toKeyFile(deps, `${lane}/${String(range)}/${staged.attempt}/${String(file)}`));
  }
  return { rows, files };
}

/** @returns undefined when time was up first */
async function readRange(
  deps: TableReaderDeps,
  inventory: Inventory,
  range: number,
): Promise<Uint8Array | undefined> {
  const begunAtMs = deps.clock.nowMs();
  const lane = stepLane(deps, inventory.number, 'table');
  const attempt = deps.newToken();
  const origin = `${lane}/${String(range)}`;
  const keys = { from: inventory.boundaries[range - 1], to: inventory.boundaries[range] };
  const source = toKeySource(deps.source);
  const parts = readParts(
    { ...deps, source, table: withoutNulls(deps) },
    { keys, keysOnly: true },
    { origin, receivedAtMs: inventory.startedAtMs },
  );
  const staged = { attempt, rows: 0, files: 0 };
  for await (const part of parts) {
    if (part === 'interrupted') {
      // A run that has less time may have begun with it late; one that has read nothing stood still.
      if (deps.clock.nowMs() - begunAtMs < TOO_LARGE_MS || staged.rows === 0) return undefined;
      throw splitTooLarge(deps, range);
    }
    staged.rows += part.rows;
    for (const { bytes } of part.files)
      await deps.files.put(`${origin}/${attempt}/${String(staged.files++)}`, bytes);
  }
  return await deps.stage.decide(lane, range, Buffer.from(JSON.stringify(staged)));
}

/** The columns of the key alone. */
function toKeySource(source: Source<DatabaseSourceConfig>): Source<DatabaseSourceConfig> {
  const { config, contract } = source;
  const columns = contract.columns.filter(({ name }) => config.key.includes(name));
  // Their files are read as a whole: they need no partitions.
  return { ...source, config: { ...config, eventTime: undefined }, contract: { ...contract, columns } };
}

/** A row whose key is null here, because it does not fit its type, may be in the lake with its key. */
function withoutNulls({ source, table }: TableReaderDeps): TableSource {
  return new Proxy(table, {
    get(target, name) {
      if (name !== 'read') return Reflect.get(target, name, target) as unknown;
      return async function* (...[request]: Parameters<TableSource['read']>): AsyncGenerator<TableBatch> {
        for await (const batch of target.read(request)) {
          if (batch.rows.columns.some(({ nulls }) => nulls?.subarray(0, batch.rows.rows).includes(1)))
            throw nullKey(source);
          yield batch;
        }
      };
    },
  });
}

function nullKey({ name, config }: Source<DatabaseSourceConfig>): BlockedError {
  return new BlockedError(
    'DB_KEY_NULL',
    `the table of source ${name} has rows whose key (${config.key.join(', ')}) is null, or holds a value that its declared type cannot: they cannot be told from rows that are gone, so no deletes are looked for. Choose a key without nulls, or a larger type`,
  );
}

/** Gathers the newest row of each key in files that the former inventory did not know. */
async function gatherLake({
  deps,
  inventory,
  untilMs,
  onStep,
}: Steps): Promise<(KeyFiles & { readonly newestMs: number | undefined }) | undefined> {
  const former = inventory.former === undefined ? undefined : await requireInventory(deps, inventory.former);
  const names = filesSince(inventory.files, former?.files ?? []);
  const lane = stepLane(deps, inventory.number, 'lake');
  const alive = former === undefined ? { rows: 0, files: [] } : await aliveOf(deps, former.number);
  const files: KeyFile[] = [...alive.files];
  let { rows } = alive;
  let newestMs: number | undefined;
  let through = 0;
  for (let chunk = 0; through < names.length; chunk++) {
    let bytes = await deps.stage.find(lane, chunk);
    if (bytes === undefined) {
      if (await isOver(deps, untilMs)) return undefined;
      const gathered = await deps.keys.gather(deps.source, names.slice(through), untilMs);
      const attempt = deps.newToken();
      await deps.files.put(`${lane}/${String(chunk)}/${attempt}`, gathered.bytes);
      const staged: z.infer<typeof chunkSchema> = {
        attempt,
        rows: gathered.rows,
        through: through + gathered.files,
        newestMs: gathered.newestMs,
      };
      bytes = await deps.stage.decide(lane, chunk, Buffer.from(JSON.stringify(staged)));
      onStep();
    }
    const staged = parseStaged(deps, chunkSchema, bytes);
    through = staged.through;
    rows += staged.rows;
    if (staged.newestMs !== undefined) newestMs = Math.max(newestMs ?? -Infinity, staged.newestMs);
    if (staged.rows > 0) files.push(toKeyFile(deps, `${lane}/${String(chunk)}/${staged.attempt}`));
  }
  return { rows, files, newestMs };
}

/** Names of the first list that are not in the second one. */
export function filesSince(names: readonly string[], known: readonly string[]): readonly string[] {
  const all = new Set(known);
  return names.filter((name) => !all.has(name));
}

/**
 * Stages the keys of files of the lake, in key files that are few, whatever the number of those.
 *
 * @param prefix of their names
 * @returns undefined when time was up first
 */
export async function stageKeysOf(
  deps: Pick<TableReaderDeps, 'source' | 'stage' | 'files' | 'clock' | 'keys' | 'stayHere'>,
  names: readonly string[],
  { prefix, untilMs }: { readonly prefix: string; readonly untilMs: number },
): Promise<readonly KeyFile[] | undefined> {
  const staged: KeyFile[] = [];
  for (let through = 0; through < names.length;) {
    if (await isOver(deps, untilMs)) return undefined;
    const gathered = await deps.keys.gather(deps.source, names.slice(through), untilMs);
    through += gathered.files;
    if (gathered.rows === 0) continue;
    const name = `${prefix}/${String(staged.length)}`;
    await deps.files.put(name, gathered.bytes);
    staged.push(toKeyFile(deps, name));
  }
  return staged;
}

/** What an inventory has found alive. */
async function aliveOf(deps: StageDeps, number: number): Promise<KeyFiles> {
  const lane = stepLane(deps, number, 'share');
  const files: KeyFile[] = [];
  let rows = 0;
  for (let share = 0, of = 1; share < of; share++) {
    const bytes = await deps.stage.find(lane, share);
    if (bytes === undefined) throw vanished(`${lane}/${String(share)}`);
    const staged = parseStaged(deps, shareSchema, bytes);
    of = staged.of;
    rows += staged.alive;
    if (staged.alive > 0)
      files.push(toKeyFile(deps, shareName(deps, number, share, staged.attempt, 'alive')));
  }
  return { rows, files };
}

async function compareAll(
  { deps, inventory, untilMs, onStep }: Steps,
  table: KeyFiles,
  lake: KeyFiles,
): Promise<readonly z.infer<typeof shareSchema>[] | undefined> {
  const lane = stepLane(deps, inventory.number, 'share');
  const shares: z.infer<typeof shareSchema>[] = [];
  const of = Math.max(1, Math.ceil((table.rows + lake.rows) / KEYS_PER_SHARE));
  for (let share = 0; share < of; share++) {
    let bytes = await deps.stage.find(lane, share);
    if (bytes === undefined) {
      if (await isOver(deps, untilMs)) return undefined;
      const { alive, gone } = await deps.keys.compare(deps.source, {
        lake: lake.files,
        table: table.files,
        share: { number: share, of },
      });
      const attempt = deps.newToken();
      const nameOf = (part: 'alive' | 'gone'): string =>
        shareName(deps, inventory.number, share, attempt, part);
      if (alive.rows > 0) await deps.files.put(nameOf('alive'), alive.bytes);
      if (gone.rows > 0) await deps.files.put(nameOf('gone'), gone.bytes);
      const staged = { attempt, of, alive: alive.rows, gone: gone.rows };
      bytes = await deps.stage.decide(lane, share, Buffer.from(JSON.stringify(staged)));
      onStep();
    }
    shares.push(parseStaged(deps, shareSchema, bytes));
  }
  return shares;
}

const shareName = (
  deps: StageDeps,
  number: number,
  share: number,
  attempt: string,
  part: 'alive' | 'gone',
): string => `${stepLane(deps, number, 'share')}/${String(share)}/${attempt}/${part}`;

function toKeyFile({ files }: StageDeps, name: string): KeyFile {
  return async () => {
    const bytes = await files.read(name);
    if (bytes === undefined) throw vanished(name);
    return bytes;
  };
}

async function requireInventory(deps: StageDeps, number: number): Promise<Inventory> {
  const inventory = await findInventory(deps, number);
  if (inventory === undefined) throw vanished(`${inventoryLane(deps.source.name)}/${String(number)}`);
  return inventory;
}

function vanished(name: string): TransientError {
  return new TransientError(
    'STAGED_KEYS_VANISHED',
    `landing/${name} was there and is gone; nothing may delete what stands under landing/keys/. Two weeks after its beginning the inventory is begun anew`,
  );
}

function parseStaged<Value>(
  deps: StageDeps,
  schema: z.ZodType<Value>,
  staged: Uint8Array | (() => Uint8Array),
): Value {
  try {
    const bytes = typeof staged === 'function' ? staged() : staged;
    return schema.parse(JSON.parse(Buffer.from(bytes).toString()));
  } catch (cause) {
    throw new BlockedError(
      'UNREADABLE_INVENTORY',
      `what is staged of an inventory of source ${deps.source.name} is not what this version of Headgate can read; deploy the version that wrote it, or remove landing/${inventoryLane(deps.source.name)}/ to begin with all files of the lake`,
      { cause },
    );
  }
}
