import { GetObjectCommand, paginateListObjectsV2, type S3Client } from '@aws-sdk/client-s3';
import { readWithHyparquet, type Row } from './read-parquet.ts';

/** A row of the lake and the object that holds it. */
export interface LakeRow {
  readonly key: string;
  readonly row: Row;
}

/** All rows below a prefix of the lake; tombstones have none. */
export async function lakeRows(s3: S3Client, bucket: string, prefix: string): Promise<LakeRow[]> {
  const rows: LakeRow[] = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket: bucket, Prefix: prefix })) {
    for (const { Key: key } of page.Contents ?? []) {
      if (key === undefined) continue;
      const { Body: body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      if (body === undefined) continue;
      const found = await readWithHyparquet(await body.transformToByteArray());
      rows.push(...found.map((row) => ({ key, row })));
    }
  }
  return rows;
}
