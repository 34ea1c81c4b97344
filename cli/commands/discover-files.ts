import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { inferFiles, type InferredFiles } from '../../shared/domain/files/infer-contract.ts';
import { decompress, peekCompression } from '../../shared/pipeline/files/decompress.ts';
import { CommandError } from '../terminal.ts';

/** What is looked at of an object, decompressed. */
const SAMPLE_BYTES = 4 * 1024 * 1024;

/** Opens an object at `s3://bucket/key`. */
export type OpenSample = (location: string) => Promise<AsyncIterable<Uint8Array>>;

/**
 * What `headgate discover --file` says of a file or an object.
 *
 * @throws CommandError when it cannot be read, or is of no kind that can be sampled
 */
export async function discoverFile(location: string, openObject: OpenSample): Promise<InferredFiles> {
  const chunks = location.startsWith('s3://') ? await openObject(location) : await openFile(location);
  const { bytes, isWhole } = await takeSample(chunks);
  if (bytes.toString('latin1', 0, 4) === 'PAR1') {
    throw new CommandError(
      `${location} is Parquet, which says itself what its columns are: headgate query, or DESCRIBE in DuckDB, shows them; set format: { type: 'parquet' }`,
    );
  }
  const inferred = inferFiles(bytes, isWhole);
  if (inferred.rows === 0)
    throw new CommandError(
      `${location}: no rows were found in its first 4 MiB; it must be CSV with a header, NDJSON, or a JSON document that is smaller than that`,
    );
  return inferred;
}

async function openFile(path: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    await stat(path);
  } catch {
    throw new CommandError(`there is no file ${path}; give a path, or s3://bucket/key`);
  }
  return createReadStream(path) as AsyncIterable<Uint8Array>;
}

/** The beginning of a text, decompressed. */
async function takeSample(chunks: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const stored = chunks[Symbol.asyncIterator]();
  try {
    const peeked = await peekCompression(stored);
    // A sample is small whatever it grows to.
    for await (const chunk of decompress(peeked.chunks, peeked.compression, Infinity)) {
      parts.push(chunk);
      length += chunk.length;
      if (length > SAMPLE_BYTES)
        return { bytes: Buffer.concat(parts).subarray(0, SAMPLE_BYTES), isWhole: false };
    }
    return { bytes: Buffer.concat(parts), isWhole: true };
  } finally {
    await stored.return?.();
  }
}
