import { describe, expect, test } from 'vitest';
import { TransientError } from '../../../shared/domain/errors.ts';
import { readParts } from '../../../shared/pipeline/table/extract-stage.ts';
import type { ColumnTableWriter } from '../../../shared/ports/column-table-writer.ts';
import { declareOrders } from '../../support/declare-table.ts';
import { ExtractWorld } from '../../support/extract-world.ts';
import { OrdersTable } from '../../support/orders-table.ts';

const LAKE = { origin: 'o', receivedAtMs: 0 };
const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
};

/** Four rows, each of which fills a part; files are made when the test says so. */
function setUp() {
  const source = declareOrders();
  const table = new OrdersTable(
    Array.from({ length: 4 }, (_, i) => ({ id: BigInt(i), at: 0n, body: String(i) })),
  );
  table.batchRows = 1;
  const log: string[] = [];
  const ends: ((error?: Error) => void)[] = [];
  let opened = 0;
  const columns: ColumnTableWriter = {
    open: (_, { firstIndex }) => {
      const name = opened++;
      let rows = 0;
      log.push(`open ${String(name)} at ${String(firstIndex)}`);
      return Promise.resolve({
        get rows() {
          return rows;
        },
        get bytes() {
          return rows * 40 * 1024 * 1024;
        },
        append: ({ rows: count }) => {
          rows += count;
          return Promise.resolve();
        },
        finish: async () => {
          log.push(`finish ${String(name)}`);
          await new Promise<void>((resolve, reject) => {
            ends.push((error) => {
              if (error === undefined) resolve();
              else reject(error);
            });
          });
          return [{ partition: 0, rows, bytes: new Uint8Array([name]) }];
        },
        discard: () => {
          log.push(`discard ${String(name)}`);
          return Promise.resolve();
        },
      });
    },
  };
  const world = new ExtractWorld(undefined, source);
  const deps = { ...world.deps(source, table), columns };
  return { table, log, ends, deps };
}

describe('parts of a split', () => {
  test('are read while files are made of the one before, two at most at the same time, in their order', async () => {
    const { log, ends, deps } = setUp();
    const parts = readParts(deps, { keys: { from: undefined, to: undefined } }, LAKE);
    const first = parts.next();
    await turns();
    expect(log).toEqual(['open 0 at 0', 'finish 0', 'open 1 at 1', 'finish 1']);
    ends[0]?.();
    expect((await first).value).toMatchObject({ rows: 1, files: [{ bytes: new Uint8Array([0]) }] });
    const second = parts.next();
    await turns();
    expect(log.slice(4)).toEqual(['discard 0', 'open 2 at 2', 'finish 2']);
    for (const end of ends) end();
    expect((await second).value).toMatchObject({ files: [{ bytes: new Uint8Array([1]) }] });
    const rest: unknown[] = [];
    const third = parts.next();
    await turns();
    for (const end of ends) end();
    rest.push((await third).value);
    const fourth = parts.next();
    await turns();
    for (const end of ends) end();
    rest.push((await fourth).value);
    expect(rest).toMatchObject([{ isLast: false }, { rows: 1 }]);
  });

  test('leave nothing behind when the database breaks off: the part before comes to its end first', async () => {
    const { table, log, ends, deps } = setUp();
    let batches = 0;
    table.beforeBatch = () =>
      ++batches === 2 ? Promise.reject(new TransientError('DB_LOST', 'lost')) : Promise.resolve();
    const parts = readParts(deps, { keys: { from: undefined, to: undefined } }, LAKE);
    let isOver = false;
    const first = expect(parts.next())
      .rejects.toThrow('lost')
      .then(() => (isOver = true));
    await turns();
    expect(isOver).toBe(false);
    ends[0]?.();
    await first;
    expect(log).toEqual(['open 0 at 0', 'finish 0', 'open 1 at 1', 'discard 1', 'discard 0']);
  });

  test('fail when files cannot be made, though rows are read meanwhile', async () => {
    const { ends, deps } = setUp();
    const parts = readParts(deps, { keys: { from: undefined, to: undefined } }, LAKE);
    const first = expect(parts.next()).rejects.toThrow('disk is full');
    await turns();
    ends[0]?.(new Error('disk is full'));
    await turns();
    for (const end of ends) end();
    await first;
  });
});
