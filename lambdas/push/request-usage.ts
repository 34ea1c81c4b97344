import { ACCESS_LOG_BYTES } from '../../shared/domain/cost/model-edge.ts';
import { apiRequests, logGb } from '../../shared/domain/cost/metering.ts';
import type { MeteredAmounts } from '../../shared/domain/cost/metered-prices.ts';
import type { HttpEvent } from './http.ts';

/** What a request costs before it gets to the function: the API, and the line of its access log. */
export function requestUsage({ body = '', isBase64Encoded, headers }: HttpEvent): MeteredAmounts {
  const bodyBytes = Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8');
  const headerBytes = Object.entries(headers).reduce(
    (sum, [name, value = '']) => sum + name.length + value.length,
    0,
  );
  return {
    apiRequest: apiRequests(bodyBytes + headerBytes),
    cloudWatchLogGb: logGb(ACCESS_LOG_BYTES),
  };
}
