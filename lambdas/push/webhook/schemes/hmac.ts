import type { SignatureConfig } from '../../../../shared/config/schema.ts';
import { toMs } from '../../../../shared/config/units.ts';
import { isDateTime } from '../../../../shared/domain/formats.ts';
import { headerOf, requireHeader, unverified, type Headers } from '../headers.ts';
import { secondsToMs, type Claim, type Scheme } from '../scheme.ts';
import { fromBase64, type SentSignature, type SigningKey } from '../signing-key.ts';

type HmacConfig = Extract<SignatureConfig, { preset: 'hmac' }>;

const TIME_READERS: Readonly<Record<HmacConfig['timestampFormat'], (text: string, where: string) => number>> =
  {
    'epoch-seconds': secondsToMs,
    'epoch-milliseconds': (text, where) => {
      if (/^\d{1,14}$/.test(text)) return Number(text);
      throw unverified(`${where} must be a whole number of milliseconds since 1970-01-01T00:00:00Z`);
    },
    'iso-8601': (text, where) => {
      if (isDateTime(text)) return Date.parse(text);
      throw unverified(`${where} must be an instant such as "2026-03-01T09:30:00Z"`);
    },
  };

const SECRET_READERS: Readonly<Record<HmacConfig['secretEncoding'], (secret: string) => Buffer | string>> = {
  text: (secret) => Buffer.from(secret),
  hex: (secret) =>
    /^(?:[\da-f]{2})+$/i.test(secret) ? Buffer.from(secret, 'hex') : 'is not hex, as secretEncoding says',
  base64: (secret) => fromBase64(secret) ?? 'is not base64, as secretEncoding says',
};

/** A list of signatures, each after the prefix. A header that was sent twice arrives as a list. */
function readSignatures(header: string, { header: name, prefix }: HmacConfig): SentSignature[] {
  const items = header.split(',').map((item) => item.trim());
  if (!items.every((item) => item.startsWith(prefix))) throw unverified(`${name} must begin with ${prefix}`);
  return items.map((item) => ({ kind: 'hmac', text: item.slice(prefix.length) }));
}

/** An HMAC over the body and what the configuration says is signed with it. */
export function hmac(config: HmacConfig): Scheme {
  const { algorithm, encoding, timestampHeader, idHeader, idField } = config;
  const hint =
    "the signature of this source is configured with it; look at what the sender's documentation says";
  return {
    toleranceMs: timestampHeader === undefined ? undefined : toMs(config.tolerance),
    idPath: idField?.split('.'),
    toKey(secret: string): SigningKey | string {
      const key = SECRET_READERS[config.secretEncoding](secret);
      return typeof key === 'string' ? key : { kind: 'hmac', algorithm, encoding, key };
    },
    read(headers: Headers, body: Buffer): Claim {
      const signatures = readSignatures(requireHeader(headers, config.header, hint), config);
      const timestamp = timestampHeader && requireHeader(headers, timestampHeader, hint);
      const isIdSigned = config.signed.includes('{id}');
      const id =
        idHeader && (isIdSigned ? requireHeader(headers, idHeader, hint) : headerOf(headers, idHeader));
      const values = new Map<string, string | Buffer | undefined>([
        ['{body}', body],
        ['{timestamp}', timestamp],
        ['{id}', id],
      ]);
      return {
        parts: config.signed.split(/(\{(?:body|timestamp|id)\})/).map((part) => values.get(part) ?? part),
        signatures,
        ...(timestampHeader === undefined || timestamp === undefined
          ? {}
          : { signedAtMs: TIME_READERS[config.timestampFormat](timestamp, timestampHeader) }),
        ...(id === undefined ? {} : { id: { text: id, isSigned: isIdSigned } }),
      };
    },
  };
}
