import type { DeliveryFault } from '../../cloud/event-source-poller/delivery-faults.ts';
import type { FaultProxy } from '../../cloud/fault-proxy/fault-proxy.ts';
import type { SeenRequest } from '../../cloud/fault-proxy/seen-request.ts';
import { bucketOf, ledgerCallOf } from './ledger-call.ts';
import type { Trap } from './trap.ts';

const SHARD = /shardId-\d+/;

/** What has been prepared for each shard: a trap on the wire, and what the mapping does. */
export class Rig {
  readonly #traps = new Map<string, Pick<Trap, 'before' | 'after'>>();
  readonly #scripts = new Map<string, (fault: DeliveryFault) => boolean>();
  /** Shard of the lane or bucket that a process has asked for last; it works on one at a time. */
  readonly #shards = new Map<number, string>();
  /** Shard of each bucket of claims: every cell has buckets of its own. */
  readonly #buckets = new Map<string, string>();

  /** Takes its place between the functions and the stores. */
  attach(proxy: FaultProxy): void {
    const traps = new WeakMap<SeenRequest, Pick<Trap, 'before' | 'after'>>();
    proxy.use({
      matches: ({ service }) => service === 'dynamodb' || service === 's3',
      before: async (request) => {
        const shard = await this.#shardOf(request);
        const trap = shard === undefined ? undefined : this.#traps.get(shard);
        if (trap === undefined) return 'pass';
        traps.set(request, trap);
        return await trap.before(request);
      },
      after: async (request) => (await traps.get(request)?.after(request)) ?? 'pass',
    });
  }

  setTrap(shard: string, trap: Pick<Trap, 'before' | 'after'> | undefined): void {
    if (trap === undefined) this.#traps.delete(shard);
    else this.#traps.set(shard, trap);
  }

  /** Says on which shard the keys of some buckets are claimed: a warm function claims before it tells its lane. */
  setBuckets(shard: string, buckets: readonly string[]): void {
    for (const bucket of buckets) this.#buckets.set(bucket, shard);
  }

  /** What the mapping of the stream does to the next deliveries of a shard; it is asked before each. */
  setScript(shard: string, script: ((fault: DeliveryFault) => boolean) | undefined): void {
    if (script === undefined) this.#scripts.delete(shard);
    else this.#scripts.set(shard, script);
  }

  readonly script = (shard: string, fault: DeliveryFault): boolean =>
    this.#scripts.get(shard)?.(fault) ?? false;

  async #shardOf(request: SeenRequest): Promise<string | undefined> {
    if (request.service === 's3') return SHARD.exec(request.resource)?.[0];
    const pid = await request.callerPid();
    const lane = ledgerCallOf(request)?.lane;
    const bucket = bucketOf(request);
    const named = lane === undefined ? bucket && this.#buckets.get(bucket) : SHARD.exec(lane)?.[0];
    if (pid !== undefined && named !== undefined) this.#shards.set(pid, named);
    return named ?? (pid === undefined ? undefined : this.#shards.get(pid));
  }
}

/** A script that lets one fault happen once. */
export function once(wanted: DeliveryFault, onHit: () => void = () => undefined) {
  let isDue = true;
  return (fault: DeliveryFault): boolean => {
    if (!isDue || fault !== wanted) return false;
    isDue = false;
    onHit();
    return true;
  };
}
