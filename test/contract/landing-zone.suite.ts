import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../shared/adapters/aws/system-clock.ts';
import { createFrameNames } from '../../shared/domain/landing-frame.ts';
import type { FrameBus } from '../../shared/ports/frame-bus.ts';
import type { FrameWriter, LandingZone } from '../../shared/ports/landing-zone.ts';
import { LandingFrameBus } from '../../shared/pipeline/landing/landing-frame-bus.ts';
import { frameBusContract } from './frame-bus.suite.ts';
import type { Subject } from './subject.ts';

/** Both sides of a landing zone. */
export type LandingZonePorts = FrameWriter & LandingZone;

const BUDGET_MS = 20_000;
const newSource = (): string => `s${randomUUID().slice(0, 8)}`;
const hex = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

async function listAll(zone: LandingZone, source: string, from = ''): Promise<string[]> {
  const names: string[] = [];
  for (let after = from, isLast = false; !isLast;) {
    const page = await zone.list(source, after);
    names.push(...page.frames.map(({ name }) => name));
    after = names.at(-1) ?? after;
    isLast = page.isLast;
  }
  return names;
}

/** What pushes and the landing lane rely on, whatever the landing zone is made of. */
export function landingZoneContract(subject: Subject<LandingZonePorts>): void {
  const nextName = createFrameNames(randomUUID);
  const name = (): string => nextName(Date.now());
  const put = (zone: FrameWriter, source: string, at: string, bytes = randomBytes(20)): Promise<void> =>
    zone.put(source, at, bytes, BUDGET_MS);

  describe('landing zone', () => {
    test('a source without frames has an empty listing', async () => {
      const zone = await subject.open();
      expect(await zone.list(newSource(), '')).toEqual({ frames: [], isLast: true });
    });

    test('frames are listed in the order of their names with their sizes, from a text on, by source', async () => {
      const zone = await subject.open();
      const [source, other] = [newSource(), newSource()];
      const names = [name(), name(), name()];
      for (const one of [2, 0, 1]) {
        await put(zone, source, names[one] ?? '', randomBytes(10 * (one + 1)));
      }
      await put(zone, other, name());
      expect((await zone.list(source, '')).frames).toEqual(
        names.map((one, at) => ({ name: one, bytes: 10 * (at + 1) })),
      );
      expect(await listAll(zone, source, names[0])).toEqual(names.slice(1));
      expect(await listAll(zone, source, names[2])).toEqual([]);
    });

    test('a listing of many pages has each frame once', async () => {
      const zone = await subject.open();
      const source = newSource();
      const names = Array.from({ length: 230 }, name);
      await Promise.all(names.map((one) => put(zone, source, one, randomBytes(1))));
      expect(await listAll(zone, source)).toEqual(names);
    });

    test('a frame is read as it was put first, and not at all when it was removed', async () => {
      const zone = await subject.open();
      const source = newSource();
      const [one, other] = [name(), name()];
      const bytes = randomBytes(5_000);
      await put(zone, source, one, bytes);
      await put(zone, source, one, randomBytes(3));
      await put(zone, source, other);
      expect(hex(await zone.read(source, one))).toBe(hex(bytes));
      await zone.remove(source, [one, name()]);
      expect(await zone.read(source, one)).toBeUndefined();
      expect(await listAll(zone, source)).toEqual([other]);
    });

    test('a lost answer changes nothing', async () => {
      const zone = await subject.openLosingAnswers();
      const source = newSource();
      const one = name();
      const bytes = randomBytes(20);
      await put(zone, source, one, bytes);
      expect(await listAll(zone, source)).toEqual([one]);
      expect(hex(await zone.read(source, one))).toBe(hex(bytes));
      await zone.remove(source, [one]);
      expect(await listAll(zone, source)).toEqual([]);
    });
  });

  describe('landing', () => {
    const partitionKeys = new Map<string, string>();
    let opened: { readonly zone: LandingZone; readonly source: string } | undefined;
    const open = async (subjectZone: LandingZonePorts | Promise<LandingZonePorts>): Promise<FrameBus> => {
      const frames = await subjectZone;
      const source = newSource();
      opened = { zone: frames, source };
      const bus = new LandingFrameBus({
        frames,
        source,
        clock: systemClock,
        newToken: randomUUID,
        budgetMs: BUDGET_MS,
      });
      return {
        send: (sent) => {
          for (const { bytes, partitionKey } of sent) partitionKeys.set(hex(bytes) ?? '', partitionKey);
          return bus.send(sent);
        },
      };
    };
    frameBusContract({
      open: () => open(subject.open()),
      openLosingAnswers: () => open(subject.openLosingAnswers()),
      stored: async (wanted) => {
        if (opened === undefined) return [];
        const { zone, source } = opened;
        const stored = [];
        for (const one of await listAll(zone, source)) {
          const bytes = await zone.read(source, one);
          const partitionKey = partitionKeys.get(hex(bytes) ?? '');
          if (bytes !== undefined && partitionKey !== undefined && wanted.has(partitionKey))
            stored.push({ bytes, partitionKey });
        }
        return stored;
      },
    });
  });
}
