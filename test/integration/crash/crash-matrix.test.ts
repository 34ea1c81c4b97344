import { expect, test } from 'vitest';
import { isClean, toText } from '../../crash/report.ts';
import { runMatrix } from '../../crash/run-matrix.ts';

/** A quarter of the matrix; `npm run test:crash` runs all of it. */
const POINTS = ['B.1', 'A.2', 'B.4', 'B.6', 'R.1', 'R.2', 'P.1', 'P.3'];

test.runIf(process.platform === 'linux')(
  'what processes leave behind that are killed, or outlive their time-out, is neither lost nor doubled',
  async () => {
    const result = await runMatrix({
      only: POINTS,
      variants: ['after', 'zombie'],
      seed: 1,
      onProgress: () => undefined,
    });
    expect(isClean(result), toText(result)).toBe(true);
  },
  400_000,
);
