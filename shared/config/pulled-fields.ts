import * as z from 'zod';
import { duration } from './units.ts';

/** What all sources have that Headgate reads on a schedule. */
export const pulled = {
  polling: z
    .strictObject({
      floor: duration('1 minute', '1 day').describe('Shortest time between two runs, while data is there.'),
      ceiling: duration('1 minute', '30 days')
        .optional()
        .describe('Longest time between two runs, while there is none. Default: the freshness.'),
    })
    .optional()
    .describe(
      'Adapts the schedule to the data, within these bounds and the freshness. Without it a run comes once per freshness.',
    ),
  pauseAfterFailures: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .describe('Runs in a row that may fail before the source pauses itself, with an alarm.'),
};
