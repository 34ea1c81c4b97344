import { createHmac, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { createDeliveryVerifier, type Delivery } from '../../lambdas/push/webhook/verify-delivery.ts';
import { ManualClock } from '../../shared/adapters/memory/manual-clock.ts';
import { MemoryParameterStore } from '../../shared/adapters/memory/memory-parameter-store.ts';
import { MemoryTelemetry } from '../../shared/adapters/memory/memory-telemetry.ts';
import { compileSources } from '../../shared/config/compile-sources.ts';
import { compileValidators } from '../../shared/config/compile-validators.ts';
import { parseConfig } from '../../shared/config/define-config.ts';
import type { HeadgateConfigInput, WebhookSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { ParameterStore } from '../../shared/ports/parameter-store.ts';

type WebhookInput = Extract<HeadgateConfigInput['sources'][string], { type: 'webhook' }>;
export type SignatureInput = WebhookInput['signature'];
export type Preset = SignatureInput['preset'];

/** The parameter of the secret, unless a test says otherwise. */
export const SECRET = '/hooks/secret';

/** A compiled webhook source `hook`. */
export function declareWebhook(signature: SignatureInput): Source<WebhookSourceConfig> {
  const config = parseConfig({
    sources: {
      hook: {
        type: 'webhook',
        freshness: '1 minute',
        volume: { gbPerDay: 1 },
        contract: { schema: { type: 'object', properties: { id: { type: 'string' } } } },
        signature,
      },
    },
  });
  const source = compileSources(config, compileValidators(config)).get('hook');
  if (source?.config.type !== 'webhook') throw new Error('the source is not compiled');
  return source as Source<WebhookSourceConfig>;
}

/** What is signed, as the sender has it. */
export interface Outgoing {
  readonly body: string | Buffer;
  readonly secret: string;
  readonly atMs: number;
  readonly id?: string;
}

type Headers = Readonly<Record<string, string>>;

const seconds = (atMs: number): string => String(Math.floor(atMs / 1000));
const digest = (secret: string | Buffer, encoding: 'hex' | 'base64', ...parts: (string | Buffer)[]): string =>
  createHmac('sha256', secret)
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest(encoding);

/** Signs as the services document it. `hmac` is the generic one of `GENERIC`. */
export const SIGNERS: Readonly<Record<Preset, (delivery: Outgoing) => Headers>> = {
  'standard-webhooks': ({ body, secret, atMs, id = 'msg_1' }) => ({
    'webhook-id': id,
    'webhook-timestamp': seconds(atMs),
    'webhook-signature': `v1,${digest(Buffer.from(secret.replace('whsec_', ''), 'base64'), 'base64', `${id}.${seconds(atMs)}.`, body)}`,
  }),
  github: ({ body, secret, id = '72d3162e-cc78-11e3-81ab-4c9367dc0958' }) => ({
    'x-github-delivery': id,
    'x-hub-signature-256': `sha256=${digest(secret, 'hex', body)}`,
  }),
  stripe: ({ body, secret, atMs }) => ({
    'stripe-signature': `t=${seconds(atMs)},v1=${digest(secret, 'hex', `${seconds(atMs)}.`, body)},v0=${'0'.repeat(64)}`,
  }),
  shopify: ({ body, secret, id = 'b54557e4-bdd9-4b37-8a5f-bf7d70bcd043' }) => ({
    'x-shopify-webhook-id': id,
    'x-shopify-event-id': '98880550-7158-44d4-b7cd-2c97c8a091b5',
    'x-shopify-hmac-sha256': digest(secret, 'base64', body),
  }),
  slack: ({ body, secret, atMs }) => ({
    'x-slack-request-timestamp': seconds(atMs),
    'x-slack-signature': `v0=${digest(secret, 'hex', `v0:${seconds(atMs)}:`, body)}`,
  }),
  hmac: ({ body, secret, atMs, id = 'd-1' }) => ({
    'x-time': String(atMs),
    'x-id': id,
    'x-sign': `sig=${digest(secret, 'base64', `${id}|${String(atMs)}|`, body)}`,
  }),
};

/** A generic signature over id, time and body. */
export const GENERIC = {
  preset: 'hmac',
  header: 'X-Sign',
  encoding: 'base64',
  prefix: 'sig=',
  signed: '{id}|{timestamp}|{body}',
  timestampHeader: 'X-Time',
  timestampFormat: 'epoch-milliseconds',
  idHeader: 'X-Id',
} as const;

/** A signature configuration of each preset, with one secret. */
export const SIGNATURES: Readonly<Record<Preset, SignatureInput>> = {
  'standard-webhooks': { preset: 'standard-webhooks', secrets: [{ parameter: SECRET }] },
  github: { preset: 'github', secrets: [{ parameter: SECRET }] },
  stripe: { preset: 'stripe', secrets: [{ parameter: SECRET }] },
  shopify: { preset: 'shopify', secrets: [{ parameter: SECRET }] },
  slack: { preset: 'slack', secrets: [{ parameter: SECRET }] },
  hmac: { ...GENERIC, secrets: [{ parameter: SECRET }] },
};

export const PRESETS = Object.keys(SIGNATURES) as Preset[];

/** A secret that every preset can use. */
export const WHSEC = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** An Ed25519 pair as Standard Webhooks writes them. */
export function createKeyPair(): { readonly publicKey: string; readonly privateKey: KeyObject } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { publicKey: `whpk_${raw.toString('base64')}`, privateKey };
}

/** A v1a signature. */
export function signAsymmetric(
  privateKey: KeyObject,
  { body, atMs, id = 'msg_1' }: Omit<Outgoing, 'secret'>,
): string {
  const content = Buffer.concat([Buffer.from(`${id}.${seconds(atMs)}.`), Buffer.from(body)]);
  return `v1a,${sign(null, content, privateKey).toString('base64')}`;
}

interface WorldOptions {
  readonly values?: Readonly<Record<string, string>>;
  /** Parameters that come from somewhere else than `values`. */
  readonly store?: (clock: ManualClock) => ParameterStore;
  readonly startMs?: number;
}

/** A verifier over memory stores that counts how often each parameter is read. */
export class WebhookWorld {
  readonly clock: ManualClock;
  readonly telemetry = new MemoryTelemetry();
  readonly values: MemoryParameterStore;
  /** Names of the parameters that were read, in order. */
  readonly reads: string[] = [];
  readonly #verify;

  constructor(options: WorldOptions = {}) {
    this.clock = new ManualClock({ startMs: options.startMs });
    this.values = new MemoryParameterStore({ values: options.values ?? { [SECRET]: WHSEC } });
    const parameters = options.store?.(this.clock) ?? this.values;
    this.#verify = createDeliveryVerifier({
      parameters: {
        get: (name, options) => {
          this.reads.push(name);
          return parameters.get(name, options);
        },
      },
      clock: this.clock,
      telemetry: this.telemetry,
    });
  }

  /** Verifies a delivery of JSON. */
  async verify(
    source: Source<WebhookSourceConfig>,
    headers: Readonly<Record<string, string | undefined>>,
    body: string | Buffer,
  ): Promise<Delivery> {
    return await this.#verify(source, { 'content-type': 'application/json', ...headers }, Buffer.from(body));
  }
}
