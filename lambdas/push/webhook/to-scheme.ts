import type { SignatureConfig } from '../../../shared/config/schema.ts';
import { toMs } from '../../../shared/config/units.ts';
import type { Scheme } from './scheme.ts';
import { github } from './schemes/github.ts';
import { hmac } from './schemes/hmac.ts';
import { shopify } from './schemes/shopify.ts';
import { slack } from './schemes/slack.ts';
import { standardWebhooks } from './schemes/standard-webhooks.ts';
import { stripe } from './schemes/stripe.ts';

/** The scheme that a source is configured with. */
export function toScheme(config: SignatureConfig): Scheme {
  switch (config.preset) {
    case 'standard-webhooks':
      return standardWebhooks(toMs(config.tolerance));
    case 'github':
      return github();
    case 'stripe':
      return stripe(toMs(config.tolerance));
    case 'shopify':
      return shopify();
    case 'slack':
      return slack(toMs(config.tolerance));
    case 'hmac':
      return hmac(config);
  }
}
