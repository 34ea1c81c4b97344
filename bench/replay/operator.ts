import { replayWith, workOnObjects } from '../../cli/dlq/replay-objects.ts';
import { openOrders, type ReplayPlace } from './quarantined-orders.ts';

/* An operator in a process of its own: replays all that is in quarantine, and says with each object how far it is. */

const place = JSON.parse(process.argv[2] ?? '') as ReplayPlace;
const lake = openOrders(place, 'string');
try {
  const keys = await lake.list('quarantine/orders/');
  const results = await workOnObjects(
    lake,
    keys,
    { update: (done) => process.send?.({ done }), stop: () => undefined },
    replayWith({}),
  );
  process.send?.({
    landed: results.reduce((sum, { landed }) => sum + landed, 0),
    open: results.filter(({ status }) => status !== 'done').length,
  });
} finally {
  await lake.close();
  process.disconnect();
}
