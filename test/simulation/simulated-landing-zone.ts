import { MemoryLandingZone } from '../../shared/adapters/memory/memory-landing-zone.ts';
import { BlockedError } from '../../shared/domain/errors.ts';
import { landingTimeOf } from '../../shared/domain/landing-frame.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { MAX_ARRIVAL_MS } from '../../shared/ports/landing-zone.ts';

/** Few, so that a listing has several pages now and then. */
const PAGE_SIZE = 4;

/** A landing zone with a clock of its own, which refuses what arrives too far from the time in its name. */
export class SimulatedLandingZone extends MemoryLandingZone {
  readonly #clock: Clock;
  /** A mutant takes what comes at any time. */
  takesAnyTime = false;

  constructor(clock: Clock) {
    super({ pageSize: PAGE_SIZE });
    this.#clock = clock;
  }

  override async put(source: string, name: string, bytes: Uint8Array): Promise<void> {
    const awayMs = Math.abs(this.#clock.nowMs() - (landingTimeOf(name) ?? 0));
    if (awayMs > MAX_ARRIVAL_MS && !this.takesAnyTime)
      throw new BlockedError('CLOCK_WRONG', 'it is too late');
    await super.put(source, name, bytes);
  }
}
