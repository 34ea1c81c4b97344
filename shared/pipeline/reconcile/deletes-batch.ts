import * as z from 'zod';
import { BlockedError, TransientError } from '../../domain/errors.ts';
import type { LaneBatch, TableEntry } from '../lane.ts';
import type { Received, StagedDeletes, TableReaderDeps } from '../table/table-reader.ts';

/** Where the objects of a source's inventories are staged. */
export const inventoryLane = (source: string): string => `keys/${source}`;

const deletesSchema = z.object({
  number: z.int(),
  attempt: z.string(),
  receivedAtMs: z.number(),
  files: z.array(z.object({ partition: z.number(), rows: z.number(), bytes: z.number() })),
});

export function formatStagedDeletes(deletes: StagedDeletes): string {
  return JSON.stringify(deletesSchema.parse(deletes));
}

/** @throws BlockedError with code `UNREADABLE_DELETES` */
export function parseStagedDeletes(source: string, text: string): StagedDeletes {
  try {
    return deletesSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new BlockedError(
      'UNREADABLE_DELETES',
      `deletes of source ${source} that are staged are not what this version of Headgate can read; deploy the version that wrote them`,
      { cause },
    );
  }
}

/** Where an attempt to put the deletes of an inventory together stages what it needs. */
export function deletesPrefix(
  source: string,
  { number, attempt }: Pick<StagedDeletes, 'number' | 'attempt'>,
): string {
  return `${inventoryLane(source)}/${String(number)}/deletes/${attempt}`;
}

export function deletesName(source: string, deletes: StagedDeletes, file: number): string {
  return `${deletesPrefix(source, deletes)}/${String(file)}`;
}

/** A commit of staged deletes, in place of what `batch` has. */
export function toDeletesBatch(
  { source, files }: Pick<TableReaderDeps, 'source' | 'files'>,
  batch: LaneBatch,
  deletes: StagedDeletes,
): { readonly batch: LaneBatch; readonly received: Received } {
  const entries = deletes.files.map(({ partition, rows, bytes }, file): TableEntry => ({
    ...{ kind: 'table', source, partition, rows, bytes, receivedAtMs: deletes.receivedAtMs },
    load: async () => {
      const name = deletesName(source.name, deletes, file);
      const loaded = await files.read(name);
      if (loaded !== undefined) return loaded;
      throw new TransientError(
        'STAGED_FILE_VANISHED',
        `${name} was staged and is gone; nothing may delete files that are not committed`,
      );
    },
  }));
  const sum = (of: 'rows' | 'bytes'): number => deletes.files.reduce((total, file) => total + file[of], 0);
  return {
    batch: { ...batch, stem: `keys-${String(deletes.number)}`, entries },
    received: { rows: sum('rows'), bytes: sum('bytes') },
  };
}
