import { fileURLToPath } from 'node:url';
import type { S3ObjectSourceOptions } from '../aws/s3-object-source.ts';
import { S3ObjectSource } from '../aws/s3-object-source.ts';
import type { ObjectSource } from '../../ports/object-source.ts';
import { FolderObjectSource } from './folder-object-source.ts';
import { HttpIndexSource } from './http-index-source.ts';

/** The objects at a source's `location`. */
export function openObjectSource(
  location: string,
  { s3, clock }: Pick<S3ObjectSourceOptions, 's3' | 'clock'>,
): ObjectSource {
  if (location.startsWith('file://')) return new FolderObjectSource(fileURLToPath(location));
  if (!location.startsWith('s3://')) return new HttpIndexSource(location);
  const [bucket = '', ...folders] = location.slice('s3://'.length).split('/');
  return new S3ObjectSource({ s3, clock, bucket, prefix: folders.join('/') });
}
