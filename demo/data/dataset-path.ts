import { fileURLToPath } from 'node:url';

/**
 * Path of a file of the vega-datasets package: public data sets that come with `npm ci`, so that the demo downloads
 * nothing.
 */
export function datasetPath(file: string): string {
  return fileURLToPath(new URL(`../data/${file}`, import.meta.resolve('vega-datasets')));
}
