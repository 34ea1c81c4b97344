import type { ReceivedSourceConfig } from '../../shared/config/schema.ts';
import type { Source } from '../../shared/domain/source.ts';
import type { Quota } from '../../shared/pipeline/quota.ts';
import { HttpProblem, toProblemResponse } from '../middleware/problems.ts';
import type { HttpEvent, HttpResponse } from './http.ts';
import { quotaExceeded, rateLimitHeaders } from './rate-limit-headers.ts';

/**
 * Serves a request of a known sender if its source and the sender are within their limits. The answer says how they
 * stand, also where it is a problem.
 *
 * @throws HttpProblem `quota-exceeded`
 */
export async function withinLimits(
  quota: Pick<Quota, 'take'>,
  source: Source<ReceivedSourceConfig>,
  senderId: string | undefined,
  { body = '', isBase64Encoded }: HttpEvent,
  serve: () => HttpResponse | Promise<HttpResponse>,
): Promise<HttpResponse> {
  const bytes = Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8');
  const decision = await quota.take(source, senderId, { bytes });
  if (!decision.admitted) throw quotaExceeded(decision);
  const response = await answerOf(serve);
  return { ...response, headers: { ...response.headers, ...rateLimitHeaders(decision) } };
}

async function answerOf(serve: () => HttpResponse | Promise<HttpResponse>): Promise<HttpResponse> {
  try {
    return await serve();
  } catch (error) {
    if (error instanceof HttpProblem) return toProblemResponse(error);
    throw error;
  }
}
