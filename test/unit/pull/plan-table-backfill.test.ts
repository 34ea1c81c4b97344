import { expect, test } from 'vitest';
import { createCursorOrder } from '../../../shared/adapters/database/cursor-order.ts';
import { formatTablePosition, type PositionOf } from '../../../shared/domain/table-position.ts';
import { planTableBackfill } from '../../../shared/pipeline/backfill/plan-table-backfill.ts';
import { declareOrders } from '../../support/declare-table.ts';

const order = createCursorOrder({ kind: 'timestamp' });
const source = declareOrders({ incremental: { cursor: 'at', lookback: '1 hour' } });
const asked = { from: '2026-03-01', to: '2026-03-20', step: '1 day' };

function positionAt(more: Partial<PositionOf<'lookback'>>): string {
  return formatTablePosition({
    ...{ v: 1, mode: 'lookback', by: { column: 'at', type: 'timestamp', key: ['id'] }, seen: [] },
    ...{ highest: '2026-03-10 12:00:00+00', swept: { atMs: 0, forMs: 0 } },
    ...more,
  });
}

test('with a look-back a backfill ends a day and the look-back before the highest cursor', () => {
  expect(planTableBackfill(source, order, asked, positionAt({})).to).toBe('2026-03-09 11:00:00.000000+00');
});

test('where rows are counted it ends at the place that no reading goes behind any more', () => {
  const position = positionAt({ floor: '2026-03-10 10:59:58+00' });
  expect(planTableBackfill(source, order, asked, position).to).toBe('2026-03-10 10:59:58+00');
});
