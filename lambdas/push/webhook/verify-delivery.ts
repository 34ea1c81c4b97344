import type { WebhookSourceConfig } from '../../../shared/config/schema.ts';
import type { Source } from '../../../shared/domain/source.ts';
import type { Clock } from '../../../shared/ports/clock.ts';
import type { ParameterStore } from '../../../shared/ports/parameter-store.ts';
import type { Telemetry } from '../../../shared/ports/telemetry.ts';
import { deliveryDocument } from './delivery-document.ts';
import { toDeliveryId } from './delivery-id.ts';
import { unverified, type Headers } from './headers.ts';
import type { Claim, DeliveryAnswer, Scheme } from './scheme.ts';
import { isSigned } from './signing-key.ts';
import { SigningSecrets } from './signing-secrets.ts';
import { toScheme } from './to-scheme.ts';

/** A delivery whose sender is known. */
export interface Delivery {
  /**
   * Its idempotency key, 1 to 255 printable ASCII characters: all attempts of a delivery have it and no other delivery,
   * so two with the same one need no comparison of their bodies. Undefined where the sender gives none.
   */
  readonly id: string | undefined;
  /** Its JSON: an object is a record, an array is several. It is not parsed yet and may be malformed. */
  readonly document: Buffer;
  /** Set for a handshake: it is the answer, and nothing is stored. */
  readonly answer: DeliveryAnswer | undefined;
}

export interface DeliveryVerifierDeps {
  readonly parameters: ParameterStore;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
}

/** Checks a delivery to a source: its headers, and its body as it was sent, decompressed. */
export type VerifyDelivery = (
  source: Source<WebhookSourceConfig>,
  headers: Headers,
  body: Buffer,
) => Promise<Delivery>;

function checkTime({ toleranceMs }: Scheme, { signedAtMs }: Claim, nowMs: number): void {
  if (toleranceMs === undefined || signedAtMs === undefined) return;
  const ageMs = nowMs - signedAtMs;
  if (Math.abs(ageMs) <= toleranceMs) return;
  const distance = `${String(Math.ceil(Math.abs(ageMs) / 1000))} seconds ${ageMs > 0 ? 'ago' : 'from now'}`;
  throw unverified(
    `the delivery was signed ${distance}; at most ${String(toleranceMs / 1000)} are allowed: ` +
      'look at the clock of the sender, and let it sign anew what it repeats',
  );
}

/** The JSON value of a document; undefined when it is none, which is found out again where records are checked. */
function parse(document: Buffer): unknown {
  try {
    return JSON.parse(document.toString('utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Makes the check of webhook deliveries: that somebody who knows a secret of the source signed this body, and, where the
 * scheme signs a time, that it was done just now.
 *
 * The function that it returns throws an HttpProblem `unauthorized` for a delivery that does not prove its sender, and
 * `unsupported-media-type` for one that does and is no JSON. It throws a HeadgateError when it cannot tell, because a
 * secret cannot be read: the sender is to come again. The parameter is named to the operator, never to the sender.
 */
export function createDeliveryVerifier({
  parameters,
  clock,
  telemetry,
}: DeliveryVerifierDeps): VerifyDelivery {
  const secrets = new SigningSecrets({ parameters, clock });
  const schemes = new WeakMap<WebhookSourceConfig, Scheme>();

  function schemeOf(config: WebhookSourceConfig): Scheme {
    const known = schemes.get(config);
    if (known !== undefined) return known;
    const scheme = toScheme(config.signature);
    schemes.set(config, scheme);
    return scheme;
  }

  async function checkSignature(
    { name, config }: Source<WebhookSourceConfig>,
    scheme: Scheme,
    claim: Claim,
  ): Promise<void> {
    const names = config.signature.secrets.map(({ parameter }) => parameter);
    let { keys, failure } = await secrets.read(scheme, names);
    let isVerified = isSigned(claim, keys);
    if (!isVerified) {
      const now = await secrets.refresh(name, scheme, names);
      if (now !== undefined) {
        ({ keys, failure } = now);
        isVerified = isSigned(claim, keys);
      }
    }
    if (isVerified) {
      if (failure !== undefined) {
        telemetry.log('error', 'a signing secret cannot be read; deliveries under it are refused', {
          source: name,
          error: failure.message,
        });
      }
      return;
    }
    if (failure !== undefined) throw failure;
    throw unverified(
      'the signature does not fit the body: the sender has another secret than this source, or the body was changed on the way',
    );
  }

  return async (source, headers, body) => {
    const scheme = schemeOf(source.config);
    const claim = scheme.read(headers, body);
    checkTime(scheme, claim, clock.nowMs());
    await checkSignature(source, scheme, claim);
    const document = deliveryDocument(headers, body);
    const isRead = scheme.idPath !== undefined || scheme.answerTo !== undefined;
    const value = isRead ? parse(document) : undefined;
    return {
      id: toDeliveryId(claim, body, scheme.idPath, value),
      document,
      answer: scheme.answerTo?.(value),
    };
  };
}
