import type { FindingEvent } from '../domain/watch/finding-event.ts';

/**
 * Tells whoever wants to know of findings.
 *
 * Promises of every implementation: what was answered is told; when it throws, some may have been told, and telling all again
 * is right: whoever listens gets each at least once.
 */
export interface FindingEvents {
  tell(events: readonly FindingEvent[]): Promise<void>;
}
