import { readFile } from 'node:fs/promises';
import { datasetPath } from './dataset-path.ts';

/** The features of USGS's GeoJSON feed of one week, as JSON texts: nested records as they are pushed by a real sender. */
export async function readEarthquakes(): Promise<string[]> {
  const collection = JSON.parse(await readFile(datasetPath('earthquakes.json'), 'utf8')) as {
    features: unknown[];
  };
  return collection.features.map((feature) => JSON.stringify(feature));
}
