import { defineConfig } from 'vitest/config';

/** What needs the embedded cloud takes minutes and most of the machine: one file at a time, after the quick tests. */
const onCloud = ['test/integration/**/*.test.ts', 'test/e2e/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: onCloud,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'cloud',
          include: onCloud,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 240_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
