import * as z from 'zod';
import type { ContentType, DeliveryType } from './push-api.ts';

/*
 * What the bodies of requests look like, for documents and tests. A record itself must meet the contract of its source,
 * which is known at the deployment only.
 */

const record = z.looseObject({}).describe('Meets the contract of its source.').meta({ id: 'Record' });

const cloudEvent = z
  .looseObject({
    specversion: z.literal('1.0'),
    id: z.string().min(1),
    source: z.string().min(1).describe('A URI reference.'),
    type: z.string().min(1),
    subject: z.string().min(1).nullish(),
    time: z.iso.datetime({ offset: true }).nullish(),
    datacontenttype: z.string().min(1).nullish(),
    dataschema: z.url().nullish(),
    data: z.unknown().optional(),
    data_base64: z.base64().nullish().describe('Instead of `data`.'),
  })
  .describe(
    'A CloudEvent 1.0 in the JSON event format. As a record it must meet the contract of its source, too.',
  )
  .meta({ id: 'CloudEvent' });

const MAX_RECORDS = 10_000;

const lines = z.string().describe('Records, one on each line.');

/** The body of each content type. */
const schemas: Readonly<Record<ContentType | DeliveryType, z.ZodType>> = {
  'application/json': z.union([record, z.array(record).min(1).max(MAX_RECORDS)]),
  'application/x-www-form-urlencoded': z.strictObject({ payload: z.string() }),
  'application/x-ndjson': lines,
  'application/ndjson': lines,
  'application/jsonl': lines,
  'application/cloudevents+json': cloudEvent,
  'application/cloudevents-batch+json': z.array(cloudEvent).min(1).max(MAX_RECORDS),
};

/** The body of each content type, by its name. */
export const BODY_SCHEMAS: Readonly<Record<string, z.ZodType>> = schemas;

const attribute = (description: string) => z.string().optional().describe(description);

/** Headers of a CloudEvent in binary mode; extension attributes have theirs beside them. */
export const CLOUD_EVENT_HEADERS: Readonly<Record<string, z.ZodType>> = {
  'ce-specversion': attribute(
    '`1.0`. Makes the request a CloudEvent in binary mode, together with the next three: the body, of any content ' +
      'type, is its `data`. Values are percent-encoded. With a body of type application/cloudevents+json these headers ' +
      'are ignored.',
  ),
  'ce-id': attribute('Required in binary mode.'),
  'ce-source': attribute('A URI reference; required in binary mode.'),
  'ce-type': attribute('Required in binary mode.'),
  'ce-subject': attribute('Optional.'),
  'ce-time': attribute('Optional.'),
};
