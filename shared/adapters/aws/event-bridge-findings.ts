import { PutEventsCommand, type EventBridgeClient } from '@aws-sdk/client-eventbridge';
import { TransientError } from '../../domain/errors.ts';
import type { FindingEvent } from '../../domain/watch/finding-event.ts';
import { FINDING_EVENT } from '../../domain/watch/finding-event-type.ts';
import type { FindingEvents } from '../../ports/finding-events.ts';
import { callAws } from './translate-error.ts';

/** Entries of one call. */
const MAX_ENTRIES = 10;

/** Findings as events on the default bus, where rules of anybody can pick them up. */
export class EventBridgeFindings implements FindingEvents {
  readonly #events: EventBridgeClient;

  constructor(options: { readonly events: EventBridgeClient }) {
    this.#events = options.events;
  }

  async tell(events: readonly FindingEvent[]): Promise<void> {
    for (let at = 0; at < events.length; at += MAX_ENTRIES) {
      const part = events.slice(at, at + MAX_ENTRIES);
      const { FailedEntryCount: failed = 0, Entries: entries = [] } = await callAws(
        { operation: 'PutEvents', resource: 'the default event bus' },
        () =>
          this.#events.send(
            new PutEventsCommand({
              Entries: part.map((event) => ({
                Source: FINDING_EVENT.source,
                DetailType: FINDING_EVENT.detailType,
                Detail: JSON.stringify(event),
              })),
            }),
          ),
      );
      if (failed === 0) continue;
      const { ErrorCode: code = 'unknown', ErrorMessage: message = '' } =
        entries.find(({ ErrorCode }) => ErrorCode !== undefined) ?? {};
      throw new TransientError(
        'EVENTS_NOT_TAKEN',
        `${String(failed)} of ${String(part.length)} events were not taken by the default event bus: ${code} ${message}`,
      );
    }
  }
}
