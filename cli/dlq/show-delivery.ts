import { parseParkedDelivery } from '../../shared/domain/parked-delivery.ts';
import { countUnlanded } from '../../shared/pipeline/replay/replay-delivery.ts';
import type { OpenReplay } from '../open-replay.ts';
import { CommandError, type Terminal } from '../terminal.ts';

/**
 * Shows a parked delivery: why and when it was given up, after how many attempts, and how much of it is not in the lake.
 *
 * @throws CommandError when there is no such object
 */
export async function showDelivery(
  terminal: Terminal,
  { read, engine, bucket }: Pick<OpenReplay, 'read' | 'engine' | 'bucket'>,
  key: string,
  asJson: boolean,
): Promise<void> {
  const bytes = await read(key);
  if (bytes === undefined) throw new CommandError(`there is no object s3://${bucket}/${key}`);
  const delivery = parseParkedDelivery(bytes);
  const { batch, condition, attempts, parkedAtMs } = delivery;
  const arrivals = batch.records.map(({ arrivedAtMs }) => arrivedAtMs);
  const facts = {
    ref: key,
    stream: batch.stream,
    shardId: batch.shardId,
    from: batch.records[0]?.sequenceNumber,
    to: batch.records.at(-1)?.sequenceNumber,
    records: batch.records.length,
    open: await countUnlanded(engine, delivery),
    condition,
    attempts: attempts ?? null,
    firstSeenAt: new Date(Math.min(...arrivals)).toISOString(),
    lastSeenAt: new Date(parkedAtMs).toISOString(),
  };
  if (asJson) {
    terminal.out(JSON.stringify(facts));
    return;
  }
  const rows: readonly (readonly [string, string])[] = [
    ['delivery', key],
    ['stream', `${facts.stream}, ${facts.shardId}`],
    ['records', `${String(facts.records)}, from ${facts.from ?? ''} to ${facts.to ?? ''}`],
    ['not landed', String(facts.open)],
    ['given up', `at ${facts.lastSeenAt}: ${condition}`],
    ['attempts', attempts === undefined ? 'not known' : `about ${String(attempts)}`],
    ['arrived', `from ${facts.firstSeenAt} on`],
    ['what to do', `Mend what the function failed with, then: headgate dlq replay ${key}`],
  ];
  terminal.out(rows.map(([name, value]) => `${name.padEnd(13)} ${value}`).join('\n'));
}
