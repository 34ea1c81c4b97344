import { toShopEvents } from '../shop-events.ts';

/** JSON.parse of the same events on the core that the model's CPU times come from: docs/benchmarks.md, 5,000 in a batch. */
const MODEL_PARSE_MBPS = 189;

const EVENTS = 5_000;
const WARM_UP_ROUNDS = 2;
const ROUNDS = 6;

/**
 * How fast this machine is just now, compared to the core that the model's CPU times were measured on: by JSON.parse of
 * the same events, in bytes per second of CPU time. What else the machine does slows CPU time down as well, through
 * shared caches and cores, so it is asked before and after each workload.
 */
export function createSpeedometer(): () => number {
  const events = toShopEvents(EVENTS);
  const megabytes = events.reduce((sum, { length }) => sum + length, 0) / 1e6;
  const parseAll = (): void => {
    for (const event of events) JSON.parse(event.toString('utf8'));
  };
  for (let i = 0; i < WARM_UP_ROUNDS; i++) parseAll();
  return () => {
    const before = process.cpuUsage();
    for (let i = 0; i < ROUNDS; i++) parseAll();
    const { user, system } = process.cpuUsage(before);
    return (ROUNDS * megabytes) / ((user + system) / 1e6) / MODEL_PARSE_MBPS;
  };
}
