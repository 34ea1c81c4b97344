import { forEachLimited } from '../../domain/for-each-limited.ts';
import { parseQuarantineKey } from '../../domain/object-key.ts';
import { hourOf, hourStartMs, type HourCounts } from '../../domain/record-counts.ts';
import { parseRowSet } from '../../domain/row-set.ts';
import type { CountStore } from '../../ports/count-store.ts';
import type { LedgerStore } from '../../ports/ledger-store.ts';
import type { ObjectVersion, ObjectVersions } from '../../ports/object-versions.ts';
import type { ReceivedRows } from '../../ports/received-rows.ts';
import { quarantineLane } from '../replay/quarantine-file.ts';

export interface AuditDeps {
  readonly counts: Pick<CountStore, 'read'>;
  readonly versions: ObjectVersions;
  readonly rows: ReceivedRows;
  readonly ledger: Pick<LedgerStore, 'read'>;
}

/** What is audited: hours since the epoch, both included. */
export interface AuditRequest {
  readonly source: string;
  readonly fromHour: number;
  readonly toHour: number;
  /** Told of each object that was looked at; how many are known so far. */
  readonly onObject?: (done: number, known: number, key: string) => void;
}

/** Rows of one hour of receipt. */
export interface AuditedHour {
  readonly hour: number;
  /** Rows that commits have put into the lake. */
  readonly counted: number;
  /** Rows that are in the lake. */
  readonly found: number;
  /** Of those that are not there: rows of objects that somebody has deleted or overwritten. */
  readonly damaged: number;
  /** Rows of the quarantine that are neither replayed nor given up: counted, and in its files. */
  readonly quarantined: number;
  readonly quarantinedFound: number;
}

/** What somebody has done to an object. */
export interface Damage {
  readonly key: string;
  readonly what: 'deleted' | 'overwritten' | 'foreign';
  readonly atMs: number;
  /** Rows of the audited hours that the lake lacks for it; of a foreign object, that it has too many. */
  readonly rows: number;
  /** The version that Headgate wrote, which can be restored; the marker, where the object was deleted. */
  readonly versionId: string;
}

export interface SourceAudit {
  readonly source: string;
  /** Hours with any row, in their order. */
  readonly hours: readonly AuditedHour[];
  readonly damages: readonly Damage[];
  /** Rows more than identities. */
  readonly repeated: number;
  /** Objects that were read. */
  readonly objects: number;
  /** The first hour that anything was counted in: what was received before is not judged. */
  readonly countedFrom: number | undefined;
}

/** Objects are read beside each other; each may have some 40 MB. */
const PARALLEL = 4;
/** Keys whose versions are held together. */
const BATCH_KEYS = 500;
/** Clocks of S3 and of functions may differ; a row is never in an object that was written longer before it was received. */
const CLOCK_SKEW_MS = 600_000;

/** Whether nothing is missing, and nothing there twice. */
export function isClean({ hours, damages, repeated }: SourceAudit): boolean {
  const isEven = hours.every(
    ({ counted, found, quarantined, quarantinedFound }) =>
      counted === found && quarantined === quarantinedFound,
  );
  return isEven && repeated === 0 && damages.every(({ rows }) => rows === 0);
}

/**
 * Compares the rows that are in the lake with those that were counted by the commits that put them there, by the hour in
 * which they were received, and finds out what became of objects whose rows are not there.
 *
 * Only objects that were written since the first hour are read: a row is received before it is written. Memory does not
 * grow with the lake, but for a few bytes per hour.
 */
export async function auditSource(deps: AuditDeps, request: AuditRequest): Promise<SourceAudit> {
  const { source, fromHour, toHour } = request;
  const counted = await deps.counts.read(source, 0, toHour);
  const countedFrom = counted[0]?.hour;
  const judgedFrom = Math.max(fromHour, countedFrom ?? Infinity);
  const audit = new Audit(deps, request, judgedFrom);
  if (judgedFrom <= toHour) await audit.run();
  const known = new Map(counted.filter(({ hour }) => hour >= judgedFrom).map((hour) => [hour.hour, hour]));
  return { source, ...audit.report(known), repeated: await deps.rows.repeated(), countedFrom };
}

class Audit {
  readonly #deps: AuditDeps;
  readonly #request: AuditRequest;
  readonly #fromHour: number;
  readonly #found = new Map<number, number>();
  readonly #damaged = new Map<number, number>();
  readonly #quarantined = new Map<number, number>();
  readonly #damages: Damage[] = [];
  #objects = 0;
  #known = 0;

  constructor(deps: AuditDeps, request: AuditRequest, fromHour: number) {
    this.#deps = deps;
    this.#request = request;
    this.#fromHour = fromHour;
  }

  async run(): Promise<void> {
    const { source } = this.#request;
    await this.#eachKey(`raw/${source}/`, (versions) => this.#lookAt(versions));
    await this.#eachKey(`quarantine/${source}/`, (versions) => this.#lookAtQuarantine(versions));
  }

  report(counted: ReadonlyMap<number, HourCounts>): Pick<SourceAudit, 'hours' | 'damages' | 'objects'> {
    const numbers = new Set([...counted.keys(), ...this.#found.keys(), ...this.#quarantined.keys()]);
    const hours = [...numbers]
      .sort((a, b) => a - b)
      .map((hour) => ({
        hour,
        counted: counted.get(hour)?.landed ?? 0,
        found: this.#found.get(hour) ?? 0,
        damaged: this.#damaged.get(hour) ?? 0,
        quarantined: counted.get(hour)?.quarantined ?? 0,
        quarantinedFound: this.#quarantined.get(hour) ?? 0,
      }));
    const damages = this.#damages.toSorted((a, b) => (a.key < b.key ? -1 : 1));
    return { hours, damages, objects: this.#objects };
  }

  async #eachKey(prefix: string, work: (versions: readonly ObjectVersion[]) => Promise<void>): Promise<void> {
    let batch: (readonly ObjectVersion[])[] = [];
    const finish = async (): Promise<void> => {
      this.#known += batch.length;
      await forEachLimited(batch, PARALLEL, async (versions) => {
        await work(versions);
        this.#request.onObject?.(++this.#objects, this.#known, versions[0]?.key ?? '');
      });
      batch = [];
    };
    for await (const versions of this.#deps.versions.list(prefix)) {
      if (!this.#mayMatter(versions)) continue;
      batch.push(versions);
      if (batch.length >= BATCH_KEYS) await finish();
    }
    await finish();
  }

  /** Whether an object may have rows of the hours, or had. */
  #mayMatter(versions: readonly ObjectVersion[]): boolean {
    const fromMs = hourStartMs(this.#fromHour) - CLOCK_SKEW_MS;
    return versions.some(({ modifiedAtMs }) => modifiedAtMs >= fromMs);
  }

  async #lookAt(versions: readonly ObjectVersion[]): Promise<void> {
    const [latest, ...former] = versions;
    if (latest === undefined) return;
    const { key, isDeleteMarker, modifiedAtMs: atMs } = latest;
    if (isDeleteMarker) {
      const lost = await this.#original(former);
      if (lost !== undefined)
        this.#damage({ key, what: 'deleted', atMs, versionId: latest.versionId }, lost.hours);
      return;
    }
    const now = await this.#deps.versions.read(key, latest.versionId);
    // It was deleted while it was looked at: the next audit sees it.
    if (now === undefined) return;
    const has = await this.#deps.rows.add(now.bytes, { from: this.#fromHour, to: this.#request.toHour });
    add(this.#found, this.#inRange(has ?? new Map()));
    // A file that was withdrawn is overwritten by the engine itself.
    if (now.kind === 'tombstone') return;
    const original = former.length === 0 ? undefined : await this.#original(former);
    if (original !== undefined) {
      const lost = subtract(original.hours, has ?? new Map());
      if (lost.size > 0)
        this.#damage({ key, what: 'overwritten', atMs, versionId: original.versionId }, lost);
    } else if (now.kind !== 'data')
      this.#damage({ key, what: 'foreign', atMs, versionId: latest.versionId }, has ?? new Map());
  }

  /** What Headgate wrote under a key first, of versions that are not current; undefined if it was no file with rows. */
  async #original(
    former: readonly ObjectVersion[],
  ): Promise<{ readonly versionId: string; readonly hours: ReadonlyMap<number, number> } | undefined> {
    for (const { key, versionId } of former.filter(({ isDeleteMarker }) => !isDeleteMarker).reverse()) {
      const content = await this.#deps.versions.read(key, versionId);
      if (content?.kind === 'tombstone') return undefined;
      if (content?.kind !== 'data') continue;
      const hours = await this.#deps.rows.count(content.bytes);
      if (hours !== undefined) return { versionId, hours };
    }
    return undefined;
  }

  #damage(damage: Omit<Damage, 'rows'>, hours: ReadonlyMap<number, number>): void {
    const inRange = this.#inRange(hours);
    const rows = [...inRange.values()].reduce((sum, more) => sum + more, 0);
    if (rows === 0) return;
    this.#damages.push({ ...damage, rows });
    if (damage.what !== 'foreign') add(this.#damaged, inRange);
  }

  /** Rows of a file of the quarantine stay in it when they are replayed or given up: the ledger knows which those are. */
  async #lookAtQuarantine(versions: readonly ObjectVersion[]): Promise<void> {
    const [latest, ...former] = versions;
    if (latest === undefined || !this.#isInRange(latest.key)) return;
    const { key, versionId, isDeleteMarker, modifiedAtMs: atMs } = latest;
    const open = async (version: ObjectVersion): Promise<Map<number, number> | undefined> => {
      const content = await this.#deps.versions.read(key, version.versionId);
      if (content?.kind !== 'data') return undefined;
      const done = parseRowSet((await this.#deps.ledger.read(quarantineLane(key))).position);
      const hours = new Map<number, number>();
      for (const [number, hour] of ((await this.#deps.rows.quarantined(content.bytes)) ?? []).entries())
        if (!done.has(number)) add(hours, new Map([[hour, 1]]));
      return hours;
    };
    if (!isDeleteMarker) {
      add(this.#quarantined, this.#inRange((await open(latest)) ?? new Map()));
      return;
    }
    const original = former.find((version) => !version.isDeleteMarker);
    const lost = original && (await open(original));
    if (lost === undefined) return;
    const rows = [...this.#inRange(lost).values()].reduce((sum, more) => sum + more, 0);
    if (rows > 0) this.#damages.push({ key, what: 'deleted', atMs, rows, versionId });
  }

  #isInRange(key: string): boolean {
    const day = parseQuarantineKey(key)?.day;
    if (day === undefined) return false;
    const hour = hourOf(Date.parse(day));
    return hour + 24 > this.#fromHour && hour <= this.#request.toHour;
  }

  #inRange(hours: ReadonlyMap<number, number>): Map<number, number> {
    return new Map([...hours].filter(([hour]) => hour >= this.#fromHour && hour <= this.#request.toHour));
  }
}

function add(to: Map<number, number>, hours: ReadonlyMap<number, number>): void {
  for (const [hour, rows] of hours) to.set(hour, (to.get(hour) ?? 0) + rows);
}

/** What the first has more than the second. */
function subtract(a: ReadonlyMap<number, number>, b: ReadonlyMap<number, number>): Map<number, number> {
  const left = new Map<number, number>();
  for (const [hour, rows] of a) {
    const more = rows - (b.get(hour) ?? 0);
    if (more > 0) left.set(hour, more);
  }
  return left;
}
