import { isUtf8 } from 'node:buffer';
import type { Violation } from '../../shared/domain/contract.ts';
import { isDateTime } from '../../shared/domain/formats.ts';
import { violation } from '../../shared/domain/violation.ts';
import { HttpProblem } from '../middleware/problems.ts';

/*
 * CloudEvents 1.0.2 over HTTP. Rules: HTTP Protocol Binding 1.0.2 and JSON Event Format 1.0.2,
 * https://github.com/cloudevents/spec/tree/v1.0.2/cloudevents
 */

type Headers = Readonly<Record<string, string | undefined>>;

const PREFIX = 'ce-';
const REQUIRED = ['specversion', 'id', 'source', 'type'] as const;
const ATTRIBUTE_NAME = /^[a-z0-9]+$/;
/** Names of the JSON format that are no attributes, and the attribute that has a header of its own. */
const NOT_IN_HEADERS = new Set(['data', 'datacontenttype']);
/** What no string of a CloudEvent may hold: control characters, noncharacters and half surrogates. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\p{Noncharacter_Code_Point}\p{Surrogate}]/u;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;
/** US-ASCII is a part of UTF-8. */
const UTF8_CHARSET = /^charset="?(?:utf-?8|us-ascii)"?$/;
const NOT_BASE64 = /[^A-Za-z\d+/]/;

/** Whether the headers of a request are those of a CloudEvent in binary mode: any of the required attributes is there. */
export function isBinaryCloudEvent(headers: Headers): boolean {
  return REQUIRED.some((name) => headers[PREFIX + name] !== undefined);
}

function badHeader(header: string, problem: string): HttpProblem {
  return new HttpProblem('bad-cloud-event', `${header}: ${problem}`);
}

/** The value of an attribute: quotes and backslashes of old senders removed, then percent-decoded, once. */
function decodeValue(header: string, value: string): string {
  if (!PRINTABLE_ASCII.test(value)) {
    throw badHeader(
      header,
      'must be printable ASCII; percent-encode other characters as UTF-8, such as %E2%82%AC',
    );
  }
  const trimmed = value.trim();
  const isQuoted = /^"(?:[^"\\]|\\.)*"$/.test(trimmed);
  const unquoted = isQuoted ? trimmed.slice(1, -1).replace(/\\(.)/g, '$1') : trimmed;
  // A per cent sign that begins no escape stands for itself.
  const escaped = unquoted.replace(/%(?![\dA-Fa-f]{2})/g, '%25');
  let text: string;
  try {
    text = decodeURIComponent(escaped);
  } catch {
    throw badHeader(header, 'has percent-encoded bytes that are not UTF-8');
  }
  if (FORBIDDEN.test(text)) throw badHeader(header, 'has control characters, which no attribute may hold');
  return text;
}

/** The attributes in the headers, in an order that does not depend on the headers'. */
function attributesOf(headers: Headers): Record<string, string> {
  const attributes: Record<string, string> = {};
  const names = Object.keys(headers).filter((header) => header.startsWith(PREFIX));
  for (const header of names.sort()) {
    const name = header.slice(PREFIX.length);
    const value = headers[header];
    if (value === undefined) continue;
    if (!ATTRIBUTE_NAME.test(name)) {
      throw badHeader(
        header,
        'names of attributes have lower-case letters and digits only; rename the attribute',
      );
    }
    if (NOT_IN_HEADERS.has(name)) {
      const where =
        name === 'data' ? 'the data of the event is the body' : 'the type of the data is in Content-Type';
      throw badHeader(header, `must not be sent: ${where}`);
    }
    attributes[name] = decodeValue(header, value);
  }
  return attributes;
}

function isJsonType(contentType: string): boolean {
  const [type = ''] = contentType.toLowerCase().split(';');
  return /^[^/]+\/(?:.+\+)?json$/.test(type.trim());
}

/** Whether a content type says that its bytes are text in UTF-8: by its charset, or by having none. */
function isUtf8Text(contentType: string): boolean {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((item) => item.trim()).find((item) => item.startsWith('charset='));
  return type.trim().startsWith('text/') && (charset === undefined || UTF8_CHARSET.test(charset));
}

/** The member that holds the data, with a comma before it; empty without data. */
function dataMember(contentType: string | undefined, body: Buffer): readonly (string | Buffer)[] {
  if (body.length === 0) return [];
  if (contentType !== undefined && isJsonType(contentType)) {
    // The bytes go into the event as they are, so they must be one JSON value and nothing else.
    try {
      JSON.parse(body.toString());
    } catch {
      const problem = 'the body is not valid JSON, although Content-Type says so; nothing was stored';
      throw new HttpProblem('malformed-body', problem);
    }
    return [',"data":', body];
  }
  const isText = contentType !== undefined && isUtf8Text(contentType) && isUtf8(body);
  return isText
    ? [',"data":', JSON.stringify(body.toString())]
    : [',"data_base64":', JSON.stringify(body.toString('base64'))];
}

/**
 * The event of a request in binary mode as the JSON event format has it: attributes from the `ce-*` headers and
 * Content-Type, the body as `data` (JSON as it is, text as a string) or `data_base64` (anything else). The same event
 * has the same bytes, whatever the order of its headers.
 *
 * @param headers by lower-case name
 * @param body decompressed
 * @throws HttpProblem `bad-cloud-event` or `malformed-body`
 */
export function toCloudEvent(headers: Headers, body: Buffer): Buffer {
  const contentType = headers['content-type'];
  const attributes = attributesOf(headers);
  if (contentType !== undefined) attributes['datacontenttype'] = decodeContentType(contentType);
  const text = JSON.stringify(attributes);
  const parts = [text.slice(0, -1), ...dataMember(contentType, body), '}'];
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

function decodeContentType(contentType: string): string {
  if (PRINTABLE_ASCII.test(contentType)) return contentType.trim();
  throw badHeader('content-type', 'must be a media type, such as application/json');
}

/** Base64 with its padding (RFC 4648, section 4). */
function isBase64(text: string): boolean {
  const padding = /={0,2}$/.exec(text.slice(-2))?.[0].length ?? 0;
  return text.length % 4 === 0 && !NOT_BASE64.test(text.slice(0, text.length - padding));
}

type Rule = readonly [isMet: (text: string) => boolean, problem: string];

const IS_NOT_EMPTY: Rule = [(text) => text !== '', 'must not be empty'];
const IS_URI_REFERENCE: Rule = [
  (text) => /^[!#-;=?-[\]_a-z~]+$/.test(text) && URL.canParse(text, 'https://base.invalid'),
  'must be a URI or a path, such as "/orders/eu" or "urn:shop:orders", without spaces',
];

/** Attributes of the specification, and what their values must be. */
const ATTRIBUTES: Readonly<Record<string, Rule>> = {
  specversion: [(text) => text === '1.0', 'must be "1.0"'],
  id: IS_NOT_EMPTY,
  source: IS_URI_REFERENCE,
  type: IS_NOT_EMPTY,
  subject: IS_NOT_EMPTY,
  datacontenttype: IS_NOT_EMPTY,
  dataschema: [(text) => URL.canParse(text), 'must be an absolute URI'],
  time: [isDateTime, 'must be an instant such as "2026-03-01T09:30:00Z"'],
};

/**
 * What keeps a record from being a CloudEvent of version 1.0 in the JSON event format. Extension attributes may be
 * anything; the contract of the source says what else an event must be.
 *
 * @returns nothing for what is not a JSON object: that is found anyway
 */
export function checkCloudEvent(record: Uint8Array): readonly Violation[] {
  let event: unknown;
  try {
    event = JSON.parse(Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString());
  } catch {
    return [];
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return [];
  const found: Violation[] = [];
  const refuse = (name: string, problem: string) => found.push(violation([name], 'cloud-event', problem));
  const members = event as Readonly<Record<string, unknown>>;
  for (const [name, [isMet, problem]] of Object.entries(ATTRIBUTES)) {
    // An attribute that is null is not set.
    const value = Object.hasOwn(members, name) ? (members[name] ?? undefined) : undefined;
    if (value === undefined) {
      if ((REQUIRED as readonly string[]).includes(name)) refuse(name, 'is missing; every CloudEvent has it');
    } else if (typeof value !== 'string') refuse(name, 'must be text');
    else if (!isMet(value)) refuse(name, problem);
  }
  // As with attributes, null is as good as nothing; the data of an event may be null.
  const bytes = Object.hasOwn(members, 'data_base64') ? (members['data_base64'] ?? undefined) : undefined;
  if (bytes !== undefined) {
    if (typeof bytes !== 'string' || !isBase64(bytes)) refuse('data_base64', 'must be text in base64');
    if (Object.hasOwn(members, 'data'))
      refuse('data_base64', 'must not stand beside "data"; send one of them');
  }
  return found;
}
