import { apiRequests } from '../../shared/domain/cost/metering.ts';
import type { Usage } from '../../shared/domain/cost/usage.ts';
import type { HttpEvent } from './http.ts';

/** What API Gateway bills for a request. */
export function requestUsage({ body = '', isBase64Encoded, headers }: HttpEvent): Usage {
  const bodyBytes = Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8');
  const headerBytes = Object.entries(headers).reduce(
    (sum, [name, value = '']) => sum + name.length + value.length,
    0,
  );
  return { apiRequest: apiRequests(bodyBytes + headerBytes) };
}
