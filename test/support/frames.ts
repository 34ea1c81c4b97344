import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { defineConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput } from '../../shared/config/schema.ts';
import type { JsonSchema } from '../../shared/domain/contract.ts';
import { readFrame, writeFrame, type Frame } from '../../shared/domain/frame.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { FrameSlice } from '../../shared/ports/table-writer.ts';

/** A compiled source `events` with this contract, keyed by `id`. */
export function sourceOf(schema: JsonSchema, key: readonly string[] = ['id']): Source {
  const config = defineConfig({
    sources: {
      events: {
        type: 'push',
        freshness: '1 minute',
        volume: { recordsPerSecond: 1, recordBytes: 1000 },
        contract: {
          schema: schema as Extract<
            HeadgateConfigInput['sources'][string],
            { type: 'push' }
          >['contract']['schema'],
        },
        key: [...key],
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('events');
  if (source === undefined) throw new Error('the source was not compiled');
  return source;
}

/**
 * A frame of records that the source's own check accepts.
 *
 * @throws Error that names the first violation
 */
export function frameOf(
  source: Source,
  texts: readonly (string | Uint8Array)[],
  receivedAtMs = 1_772_323_200_123,
): Frame {
  const records = texts.map((text) => {
    const checked = source.check(typeof text === 'string' ? Buffer.from(text) : text, receivedAtMs);
    if (checked.status !== 'accepted') {
      throw new Error(`${checked.status}: ${checked.violations.map(({ message }) => message).join('; ')}`);
    }
    return checked.record;
  });
  const header = {
    source: source.name,
    frameId: 'frame',
    contractVersion: source.contract.version,
    receivedAtMs,
  };
  return readFrame(writeFrame(header, records));
}

/** All records of a frame. */
export function sliceOf(frame: Frame, origin = 'kinesis/ingest/shardId-000000000000/49'): FrameSlice {
  return { frame, origin, firstIndex: 0, indices: Array.from({ length: frame.count }, (_, index) => index) };
}
