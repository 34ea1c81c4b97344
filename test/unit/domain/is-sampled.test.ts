import { expect, test } from 'vitest';
import { isSampled } from '../../../shared/domain/is-sampled.ts';

const TEXTS = Array.from({ length: 20_000 }, (_, i) => `request-${String(i)}`);

test('a sample has about its share of what there is: nothing of 0, all of 1', () => {
  for (const share of [0, 0.01, 0.3, 1]) {
    const sampled = TEXTS.filter((text) => isSampled(text, share)).length / TEXTS.length;
    expect(Math.abs(sampled - share)).toBeLessThanOrEqual(share === 0 || share === 1 ? 0 : 0.02);
  }
});

test('what is in a sample is in every larger one', () => {
  for (const text of TEXTS.filter((one) => isSampled(one, 0.02))) expect(isSampled(text, 0.2)).toBe(true);
});
