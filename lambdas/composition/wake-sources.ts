import * as z from 'zod';
import type { Telemetry } from '../../shared/ports/telemetry.ts';
import type { WorkQueue } from '../../shared/ports/work-queue.ts';

/** What a rule of EventBridge puts into the queue for each event of a source. */
const wakeSchema = z.strictObject({ source: z.string(), task: z.literal('wake') });

/** What the event-source mapping of that queue sends: what has come in some seconds. */
const wakeEventSchema = z.object({
  Records: z
    .array(
      z.object({
        eventSource: z.literal('aws:sqs'),
        body: z.string().transform(toJson).pipe(wakeSchema),
      }),
    )
    .min(1),
});

/** The sources, each once, that have something new by an event; undefined for events of another kind. */
export function toWoken(event: unknown): readonly string[] | undefined {
  const parsed = wakeEventSchema.safeParse(event);
  return parsed.success ? [...new Set(parsed.data.Records.map(({ body }) => body.source))] : undefined;
}

/**
 * Has each of the sources read once, by other invocations: whatever comes of one is then repeated and noted by itself.
 *
 * @param isRead whether the function reads the source
 */
export async function wakeSources(
  { queue, telemetry }: { readonly queue: WorkQueue; readonly telemetry: Telemetry },
  woken: readonly string[],
  isRead: (source: string) => boolean,
): Promise<void> {
  await Promise.all(
    woken.map(async (source) => {
      if (isRead(source)) await queue.send({ source, task: 'run', woken: true });
      // Its events go on for a moment when a source is taken out of the configuration.
      else telemetry.log('warn', 'there is something new at a source that is not declared', { source });
    }),
  );
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
