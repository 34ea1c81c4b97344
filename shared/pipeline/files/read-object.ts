import type { FilesSourceConfig } from '../../config/schema.ts';
import { parseSizeBytes } from '../../config/units.ts';
import { dispositionOf, TransientError } from '../../domain/errors.ts';
import type { Place } from '../../domain/files-position.ts';
import { createCsvSplitter, type CsvSplitter } from '../../domain/files/split-csv.ts';
import { createJsonSplitter } from '../../domain/files/split-json.ts';
import { createNdjsonSplitter } from '../../domain/files/split-ndjson.ts';
import { unreadableObject, type Piece, type Splitter } from '../../domain/files/splitter.ts';
import { toSchemaNode } from '../../domain/schema-node.ts';
import type { Source } from '../../domain/source.ts';
import type { ObjectSource, ObjectVersion } from '../../ports/object-source.ts';
import type { ParquetReader } from '../../ports/parquet-reader.ts';
import { decompress, peekCompression, type Compression } from './decompress.ts';

/** Some records of an object. */
export interface ObjectPart {
  readonly pieces: readonly Piece[];
  /** Place after them. */
  readonly place: Place;
}

export interface ReadObjectDeps {
  readonly source: Source<FilesSourceConfig>;
  readonly objects: ObjectSource;
  readonly parquet: ParquetReader;
  readonly deadlineMs: number;
  readonly isOutOfTime: () => boolean;
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Records of an object from a place on, part by part, in constant memory. The same version gives the same records and
 * places, wherever it is cut.
 *
 * Goes on inside of an object that is not compressed with a read from there. A compressed one has to be decompressed from
 * its beginning again, at some 170 MB a second of what it holds.
 *
 * @throws RejectedError with code `OBJECT_UNREADABLE` when the rest cannot be read as what the source declares, after
 *   everything before it was given; `ObjectGoneError`; what the object source throws
 */
export async function* readObject(
  deps: ReadObjectDeps,
  object: ObjectVersion,
  from: Place,
): AsyncGenerator<ObjectPart> {
  const { source, objects, parquet, deadlineMs } = deps;
  if (source.config.format.type === 'parquet') {
    yield* parquet.read(objects, object, from, deadlineMs);
    return;
  }
  if (object.bytes === 0) return;
  const stored = objects.open(object, 0, deadlineMs)[Symbol.asyncIterator]();
  try {
    const { chunks, compression } = await toCompressed(stored, source.config.compression);
    const splitter = createSplitter(source, from);
    const texts = decompress(chunks, compression, source.config.maxCompressionRatio);
    if (from.offset === 0) {
      yield* splitAll(texts, splitter, from);
      return;
    }
    const head = 'readHeader' in splitter ? await readHeader(texts, splitter) : Buffer.alloc(0);
    if (compression !== 'none') {
      yield* splitAll(skip(deps, object, texts, head, from.offset), splitter, from);
      return;
    }
    await texts.return(undefined);
    await stored.return?.();
    if (from.offset < object.bytes)
      yield* splitAll(plain(objects.open(object, from.offset, deadlineMs)), splitter, from);
  } finally {
    await stored.return?.();
  }
}

/** The stored bytes and what they are compressed with. */
async function toCompressed(
  stored: AsyncIterator<Uint8Array>,
  declared: FilesSourceConfig['compression'],
): Promise<{ readonly chunks: AsyncIterable<Uint8Array>; readonly compression: Compression }> {
  if (declared === 'auto') return await peekCompression(stored);
  return { chunks: { [Symbol.asyncIterator]: () => stored }, compression: declared };
}

function createSplitter(
  { config, contract }: Source<FilesSourceConfig>,
  from: Place,
): Splitter | CsvSplitter {
  const { format } = config;
  const maxRecordBytes = parseSizeBytes(config.maxRecordBytes) ?? 0;
  if (format.type === 'ndjson') return createNdjsonSplitter(maxRecordBytes, from);
  if (format.type === 'json') return createJsonSplitter(maxRecordBytes, format.recordsPath, from);
  if (format.type === 'parquet') throw new Error('Parquet is no text');
  const { header } = format;
  const declared = [...toSchemaNode(contract.schema, contract.schema).properties.keys()];
  return createCsvSplitter(
    {
      dialect: {
        delimiter: format.delimiter.charCodeAt(0),
        quote: format.quote === 'none' ? undefined : format.quote.charCodeAt(0),
      },
      names: header === true ? undefined : header === false ? declared : header,
      nullValues: format.nullValues,
      schema: contract.schema,
      needed: [...config.key, ...(config.eventTime === undefined ? [] : [config.eventTime.path])].map(
        (path) => path.split('.')[0] ?? path,
      ),
      maxRecordBytes,
    },
    from,
  );
}

/** The first row of a CSV text says what its columns are, wherever reading goes on. @returns what was read of the text */
async function readHeader(texts: AsyncGenerator<Buffer>, splitter: CsvSplitter): Promise<Buffer> {
  let head = Buffer.alloc(0);
  for (;;) {
    const next = await texts.next();
    const isLast = next.done === true;
    if (!isLast) head = Buffer.concat([head, next.value]);
    if (splitter.readHeader(head.subarray(markLength(head)), isLast)) return head;
    if (isLast) throw unreadableObject('its header cannot be read');
  }
}

async function* plain(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}

/** Its byte order marks are no UTF-8. */
const isUtf16 = ([first, second]: Buffer): boolean =>
  (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);

const markLength = (bytes: Buffer): number => (BYTE_ORDER_MARK.equals(bytes.subarray(0, 3)) ? 3 : 0);

/** What comes after so many bytes of `first` and what follows it. */
async function* skip(
  { isOutOfTime }: ReadObjectDeps,
  { name }: ObjectVersion,
  texts: AsyncGenerator<Buffer>,
  first: Buffer,
  bytes: number,
): AsyncGenerator<Buffer> {
  try {
    let left = bytes;
    if (first.length > left) yield first.subarray(left);
    left -= Math.min(left, first.length);
    for await (const text of texts) {
      if (left > 0 && isOutOfTime()) {
        throw new TransientError(
          'OBJECT_REREAD_TIMEOUT',
          `time was over before the place in ${JSON.stringify(name)} was reached where reading goes on: what is compressed is read from its beginning; if it stays so, let its writer make smaller objects`,
        );
      }
      if (text.length > left) yield text.subarray(left);
      left -= Math.min(left, text.length);
    }
  } finally {
    await texts.return(undefined);
  }
}

/** Divides a text that begins at a place. A record that spans many chunks is not looked at with each of them. */
async function* splitAll(
  texts: AsyncGenerator<Buffer>,
  splitter: Splitter,
  from: Place,
): AsyncGenerator<ObjectPart> {
  let { offset, row } = from;
  let isStart = offset === 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let wanted = 0;
  let pieces: Piece[] = [];

  function take(isLast: boolean): void {
    const bytes = waiting.length === 1 && waiting[0] !== undefined ? waiting[0] : Buffer.concat(waiting);
    if (isStart && bytes.length < 3 && !isLast) return;
    if (isStart && isUtf16(bytes))
      throw unreadableObject('it is UTF-16, and only UTF-8 is read: let its writer write that');
    const mark = isStart ? markLength(bytes) : 0;
    const taken = splitter.split(bytes.subarray(mark), isLast, pieces);
    // Behind the mark alone is still the beginning, where a header may be.
    const used = taken === 0 ? 0 : mark + taken;
    if (used > 0) isStart = false;
    offset += used;
    waitingBytes = bytes.length - used;
    waiting = waitingBytes === 0 ? [] : [bytes.subarray(used)];
    wanted = used === 0 ? bytes.length * 2 : 0;
  }

  function cut(): ObjectPart | undefined {
    const place = splitter.place();
    if (place === undefined) return undefined;
    row += pieces.length;
    const part = { pieces, place: { offset, row, ...place } };
    pieces = [];
    return part;
  }

  try {
    for await (const text of texts) {
      waiting.push(text);
      waitingBytes += text.length;
      if (waitingBytes < wanted) continue;
      take(false);
      const part = cut();
      if (part !== undefined) yield part;
    }
    take(true);
  } catch (error) {
    // What was found before the damage is as good as ever.
    if (dispositionOf(error) === 'reject' && pieces.length > 0)
      yield { pieces, place: { offset, row: row + pieces.length, line: 0, state: '' } };
    throw error;
  }
  const part = cut();
  if (part !== undefined) yield part;
}
