import { streamRecordBytes } from '../../domain/stream-record.ts';
import type { FrameBus, OutgoingFrame, SendResult } from '../../ports/frame-bus.ts';
import type { DrainMeter } from './drain-meter.ts';
import type { LagWatch } from './lag-watch.ts';

/** The bus of the stream, with those told who measure it: what got through, what did not, and where it stands. */
export function createMeteredBus(
  bus: FrameBus,
  { drain, lag }: { readonly drain: Pick<DrainMeter, 'note'>; readonly lag: Pick<LagWatch, 'note'> },
): FrameBus {
  const bytesOf = (frames: readonly (OutgoingFrame | undefined)[]): number =>
    frames.reduce((sum, frame) => sum + (frame === undefined ? 0 : streamRecordBytes(frame)), 0);

  async function send(frames: readonly OutgoingFrame[]): Promise<SendResult> {
    let sent: SendResult;
    try {
      sent = await bus.send(frames);
    } catch (error) {
      drain.note({ durableBytes: 0, refusedBytes: bytesOf(frames) });
      throw error;
    }
    const refusedBytes = bytesOf(sent.refused.map((index) => frames[index]));
    drain.note({ durableBytes: bytesOf(frames) - refusedBytes, refusedBytes });
    lag.note(sent.places);
    return sent;
  }
  return { send };
}
