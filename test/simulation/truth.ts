import { comparePositions } from '../../shared/domain/identity.ts';
import { meets } from './declare-source.ts';
import type { SentRecord } from './produce.ts';
import type { SimulatedRow } from './simulated-tables.ts';

export type Zone = 'raw' | 'quarantine';

/** How a row of the quarantine was mended: by an edit of its own, or by another contract. */
export type QuarantineReplay = 'edited' | 'by contract';

/** What went wrong, and how bad it is. */
export interface Problem {
  readonly kind: 'lost' | 'duplicated' | 'stuck' | 'miscounted';
  readonly what: string;
}

interface Fate {
  readonly record: SentRecord;
  landed: number;
  /** The payload that landed last. */
  landedRaw: string | undefined;
  quarantined: number;
  /** Whether it lies in a parked delivery. */
  isParked: boolean;
  /** Whether its lane's position has passed it. */
  isPassed: boolean;
  /** Whether an operator has begun to replay it from quarantine. */
  isReplayed: boolean;
}

interface Group {
  readonly fates: Fate[];
  landed: number;
}

export interface TruthOptions {
  readonly sent: readonly SentRecord[];
  /** Whether the contract changes on the way: then which records are violations depends on when they are judged. */
  readonly changesContract: boolean;
}

/**
 * Judges the lake by what was sent, and by nothing that the engine says about itself.
 */
export class Truth {
  readonly #fates = new Map<string, Fate>();
  readonly #groups = new Map<string, Group>();
  readonly #byShard = new Map<string, Fate[]>();
  readonly #changesContract: boolean;
  #problem: Problem | undefined;

  constructor({ sent, changesContract }: TruthOptions) {
    this.#changesContract = changesContract;
    for (const record of sent) {
      const fate: Fate = {
        record,
        landed: 0,
        landedRaw: undefined,
        quarantined: 0,
        isParked: false,
        isPassed: false,
        isReplayed: false,
      };
      this.#fates.set(record.id, fate);
      const group = this.#groups.get(record.group);
      if (group === undefined) this.#groups.set(record.group, { fates: [fate], landed: 0 });
      else group.fates.push(fate);
      const ofShard = this.#byShard.get(record.shardId);
      if (ofShard === undefined) this.#byShard.set(record.shardId, [fate]);
      else ofShard.push(fate);
    }
  }

  /** The first thing that went wrong. */
  get problem(): Problem | undefined {
    return this.#problem;
  }

  fail(kind: Problem['kind'], what: string): void {
    this.#problem ??= { kind, what };
  }

  /** Rows that have become visible (1), or are withdrawn (-1). */
  see(zone: Zone, rows: readonly SimulatedRow[], sign: 1 | -1): void {
    for (const { id, raw } of rows) {
      const fate = this.#fates.get(id);
      if (fate === undefined) {
        this.fail('duplicated', `${id} is in the lake and was never sent`);
        continue;
      }
      if (zone === 'quarantine') fate.quarantined += sign;
      else {
        fate.landed += sign;
        fate.landedRaw = raw;
        const group = this.#groups.get(fate.record.group);
        if (group !== undefined && (group.landed += sign) > 1) {
          this.fail('duplicated', `${fate.record.group} landed ${String(group.landed)} times, ${id} last`);
        }
      }
      this.#checkVisible(fate);
    }
  }

  #checkVisible({ record, landed, quarantined, isReplayed }: Fate): void {
    // What is replayed from quarantine stands in its old file as well, where it was.
    if (landed > 1 || quarantined > (isReplayed ? 2 : 1) || landed + quarantined > (isReplayed ? 2 : 1)) {
      this.fail(
        'duplicated',
        `${record.id} is visible ${String(landed)} times in the lake and ${String(quarantined)} times in quarantine`,
      );
    }
  }

  /** Records of one origin are seen under another. */
  alias(origin: string, first: string): void {
    for (const [id, fate] of this.#fates) {
      if (id.startsWith(`${first}/`)) this.#fates.set(origin + id.slice(first.length), fate);
    }
  }

  /** A delivery was parked: its records wait for a replay. */
  park(shardId: string, sequenceNumbers: ReadonlySet<string>): void {
    for (const fate of this.#byShard.get(shardId) ?? []) {
      if (sequenceNumbers.has(fate.record.sequenceNumber)) fate.isParked = true;
    }
  }

  /** An operator has begun to replay this row of the quarantine. */
  replay(id: string): void {
    const fate = this.#fates.get(id);
    if (fate !== undefined) fate.isReplayed = true;
  }

  /** The position of a shard has moved: everything up to it must be durable, or parked. */
  pass(shardId: string, position: string): void {
    for (const fate of this.#byShard.get(shardId) ?? []) {
      if (fate.isPassed || comparePositions(fate.record.sequenceNumber, position) > 0) continue;
      fate.isPassed = true;
      if (!this.#isSafe(fate))
        this.fail('lost', `shard ${shardId} passed ${fate.record.id}, which is nowhere`);
    }
  }

  /** Whether a record is visible or parked, or the same one is, or will be. */
  #isSafe(fate: Fate): boolean {
    if (isVisible(fate) || fate.isParked) return true;
    if (claimsNothing(fate)) return false;
    return this.#copiesOf(fate).some((copy) => isVisible(copy) || copy.isParked || !copy.isPassed);
  }

  #copiesOf({ record }: Fate): readonly Fate[] {
    return (this.#groups.get(record.group)?.fates ?? []).filter(
      ({ record: other }) => other.id !== record.id && other.raw === record.raw,
    );
  }

  /**
   * What must hold when everything is delivered and replayed.
   *
   * @param replays what was replayed from quarantine, by identity
   */
  checkEnd(replays: ReadonlyMap<string, QuarantineReplay>): void {
    for (const fate of new Set(this.#fates.values())) this.#checkFate(fate, replays.get(fate.record.id));
    for (const [name, { fates }] of this.#groups) {
      if (fates[0]?.record.dedupe === 'request') this.#checkRequest(name, fates);
      else if (!this.#changesContract) this.#checkGroup(name, fates, replays);
    }
  }

  #checkFate(fate: Fate, replay: QuarantineReplay | undefined): void {
    const { record, landed, quarantined } = fate;
    const where = `${String(quarantined)} times in quarantine and ${String(landed)} times in the lake`;
    if (claimsNothing(fate) && replay === undefined && (quarantined !== 1 || landed !== 0)) {
      this.fail(quarantined === 0 ? 'lost' : 'duplicated', `violation ${record.id} is ${where}`);
    }
    const times = landed + quarantined;
    if (replay === undefined && times > 1) this.fail('duplicated', `${record.id} is ${where}`);
    // An edited record has a payload that no other has: it lands, or is in conflict with another.
    if (replay === 'edited' && times !== 2) {
      this.fail(times < 2 ? 'lost' : 'duplicated', `${record.id} was edited and replayed, and is ${where}`);
    }
    if (isVisible(fate)) return;
    if (!this.#copiesOf(fate).some(isVisible)) {
      this.fail('lost', `${record.id} is nowhere, and neither is another one of ${record.group}`);
    }
  }

  /** One of the repeated requests is kept, with everything in it, and with no other's records. */
  #checkRequest(name: string, fates: readonly Fate[]): void {
    const visible = fates.filter(isVisible);
    if (visible.length !== 1) {
      this.fail(
        visible.length === 0 ? 'lost' : 'duplicated',
        `${name} is visible ${String(visible.length)} times`,
      );
    }
  }

  /** Where the contract stays as it is, it is known which records land, and which go to quarantine. */
  #checkGroup(name: string, fates: readonly Fate[], replays: ReadonlyMap<string, QuarantineReplay>): void {
    const valid = fates.filter(({ record }) => meets(record.nature, 'c1'));
    if (valid.length === 0) return;
    const landed = fates.filter((fate) => fate.landed === 1);
    if (valid[0]?.record.nature === 'unwritable') {
      if (landed.some(({ record }) => !replays.has(record.id))) {
        this.fail('duplicated', `${name} landed and cannot be written`);
      }
      return;
    }
    const [owner] = landed;
    if (owner === undefined) {
      this.fail('lost', `${name} landed 0 times`);
      return;
    }
    for (const fate of valid) {
      if (fate === owner) continue;
      const expected = fate.record.raw === owner.landedRaw ? 0 : 1;
      if (fate.quarantined === expected) continue;
      this.fail(
        fate.quarantined < expected ? 'lost' : 'duplicated',
        `${fate.record.id} is ${String(fate.quarantined)} times in quarantine, not ${String(expected)} times`,
      );
    }
  }
}

/** Whether a record goes to quarantine whatever else was sent. */
const claimsNothing = ({ record }: Fate): boolean =>
  record.nature === 'violation' && record.dedupe !== 'request';

const isVisible = ({ landed, quarantined }: Fate): boolean => landed + quarantined > 0;
