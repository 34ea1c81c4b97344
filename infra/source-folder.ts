/** Bucket and folder of `s3://bucket/folder/`. */
const S3_LOCATION = /^s3:\/\/([^/]+)\/(.*)$/;

/** A folder of a bucket that somebody else owns. */
export interface SourceFolder {
  readonly bucket: string;
  /** Begin of all keys in it; ends with a slash, or is empty. */
  readonly prefix: string;
}

/** The folder at the `location` of a source of type `files`; undefined where that is no bucket. */
export function toSourceFolder(location: string): SourceFolder | undefined {
  const [, bucket, prefix] = S3_LOCATION.exec(location) ?? [];
  return bucket === undefined || prefix === undefined ? undefined : { bucket, prefix };
}
