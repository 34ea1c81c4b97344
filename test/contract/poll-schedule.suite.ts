import { describe, expect, test } from 'vitest';
import type { PollSchedule } from '../../shared/ports/poll-schedule.ts';

export interface PollScheduleSubject {
  open(): PollSchedule | Promise<PollSchedule>;
  /** Deploys the schedule of a source; `undefined`: in a form that is no interval. */
  deploy(source: string, everyMinutes: number | undefined): Promise<void>;
}

let sources = 0;
const newSource = (): string => `source_${String(++sources)}`;

/** What adaptive polling relies on. */
export function pollScheduleContract(subject: PollScheduleSubject): void {
  describe('poll schedule', () => {
    test.each([1, 5, 60, 90, 1_440])(
      'an interval of %i minutes is read as it was deployed and set',
      async (minutes) => {
        const schedule = await subject.open();
        const [deployed, changed] = [newSource(), newSource()];
        await subject.deploy(deployed, minutes);
        expect(await schedule.read(deployed)).toBe(minutes);
        await subject.deploy(changed, 7);
        await schedule.set(changed, minutes);
        expect(await schedule.read(changed)).toBe(minutes);
      },
    );

    test('a schedule that was given another form by hand has no interval', async () => {
      const schedule = await subject.open();
      const source = newSource();
      await subject.deploy(source, undefined);
      expect(await schedule.read(source)).toBeUndefined();
    });

    test('setting one changes no other, and may be repeated', async () => {
      const schedule = await subject.open();
      const [one, other] = [newSource(), newSource()];
      await subject.deploy(one, 10);
      await subject.deploy(other, 20);
      await schedule.set(one, 30);
      await schedule.set(one, 30);
      expect([await schedule.read(one), await schedule.read(other)]).toEqual([30, 20]);
    });
  });
}
