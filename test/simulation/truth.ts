import { comparePositions } from '../../shared/domain/identity.ts';
import { meets } from './declare-source.ts';
import type { SentRecord } from './produce.ts';
import type { SimulatedRow } from './simulated-tables.ts';

export type Zone = 'raw' | 'quarantine';

/** What went wrong, and how bad it is. */
export interface Problem {
  readonly kind: 'lost' | 'duplicated' | 'stuck';
  readonly what: string;
}

interface Fate {
  readonly record: SentRecord;
  landed: number;
  quarantined: number;
  /** Whether it lies in a parked delivery. */
  isParked: boolean;
  /** Whether its lane's position has passed it. */
  isPassed: boolean;
  /** Whether an operator has it replayed from quarantine, after which it may be in the lake as well. */
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
    for (const { id } of rows) {
      const fate = this.#fates.get(id);
      if (fate === undefined) {
        this.fail('duplicated', `${id} is in the lake and was never sent`);
        continue;
      }
      if (zone === 'quarantine') fate.quarantined += sign;
      else {
        fate.landed += sign;
        const group = this.#groups.get(fate.record.group);
        if (group !== undefined && (group.landed += sign) > 1) {
          this.fail('duplicated', `${fate.record.group} landed ${String(group.landed)} times, ${id} last`);
        }
      }
      this.#checkVisible(fate);
    }
  }

  #checkVisible({ record, landed, quarantined, isReplayed }: Fate): void {
    if (landed > 1 || quarantined > 1 || (!isReplayed && landed + quarantined > 1)) {
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

  /** What must hold when everything is delivered and replayed. */
  checkEnd(): void {
    for (const fate of new Set(this.#fates.values())) this.#checkFate(fate);
    for (const [name, { fates }] of this.#groups) {
      if (fates[0]?.record.dedupe === 'request') this.#checkRequest(name, fates);
      else if (!this.#changesContract) this.#checkGroup(name, fates);
    }
  }

  #checkFate(fate: Fate): void {
    const { id } = fate.record;
    if (claimsNothing(fate) && !fate.isReplayed && (fate.quarantined !== 1 || fate.landed !== 0)) {
      this.fail(
        fate.quarantined === 0 ? 'lost' : 'duplicated',
        `violation ${id} is ${String(fate.quarantined)} times in quarantine and ${String(fate.landed)} times in the lake`,
      );
    }
    if (isVisible(fate)) return;
    if (!this.#copiesOf(fate).some(isVisible)) {
      this.fail('lost', `${id} is nowhere, and neither is another one of ${fate.record.group}`);
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
  #checkGroup(name: string, fates: readonly Fate[]): void {
    const valid = fates.filter(({ record }) => meets(record.nature, 'c1'));
    if (valid.length === 0) return;
    const isUnwritable = valid[0]?.record.nature === 'unwritable';
    const landed = valid.filter((fate) => fate.landed === 1);
    if (isUnwritable) {
      if (landed.length > 0) this.fail('duplicated', `${name} landed and cannot be written`);
      return;
    }
    if (landed.length !== 1) {
      this.fail(landed.length === 0 ? 'lost' : 'duplicated', `${name} landed ${String(landed.length)} times`);
    }
    const owner = landed[0];
    for (const fate of valid) {
      if (fate === owner) continue;
      const expected = fate.record.raw === owner?.record.raw ? 0 : 1;
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
