import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda';
import { OPERATIONS } from '../../shared/config/push-api.ts';
import type { PushWorld } from './push-world.ts';

/** The push handler behind HTTP. */
export interface PushServer {
  /** Without a path, such as `http://127.0.0.1:4000`. */
  readonly origin: string;
  /** Requests that got as far as the handler. */
  readonly handled: number;
  stop(): Promise<void>;
}

type Headers = Readonly<Record<string, string>>;

/** Changes the headers of a request before the handler sees them, for example to sign what the sender cannot sign. */
type Prepare = (headers: Headers, body: Buffer) => Headers;

/** Content types that API Gateway hands on as text; all others are base64. */
const TEXT_TYPE = /^(text\/|application\/(json|xml|javascript)\b)/i;

const ROUTES = OPERATIONS.flatMap(([, { method, path, isForBrowsers }]) => {
  const [before = '', after] = path.split('{source}');
  const methods = isForBrowsers ? [method, 'OPTIONS'] : [method];
  return methods.map((one) => ({ method: one, path, before, after }));
});

/** The route of API Gateway for a request, and the name of the source in its path. */
function findRoute(method: string, pathname: string): { routeKey: string; source?: string } | undefined {
  for (const route of ROUTES) {
    if (route.method !== method) continue;
    const routeKey = `${route.method} ${route.path}`;
    if (route.after === undefined) {
      if (pathname === route.before) return { routeKey };
      continue;
    }
    if (!pathname.startsWith(route.before) || !pathname.endsWith(route.after)) continue;
    const segment = pathname.slice(route.before.length, pathname.length - route.after.length);
    if (segment !== '' && !segment.includes('/')) return { routeKey, source: decode(segment) };
  }
  return undefined;
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function toEvent(
  request: IncomingMessage,
  url: URL,
  { routeKey, source }: { routeKey: string; source?: string },
  body: Buffer,
  prepare: Prepare,
): APIGatewayProxyEventV2 {
  const received = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
  );
  const headers = prepare(received, body);
  const isText = TEXT_TYPE.test(headers['content-type'] ?? '') && headers['content-encoding'] === undefined;
  const query: Record<string, string> = {};
  for (const name of url.searchParams.keys()) query[name] = url.searchParams.getAll(name).join(',');
  return {
    version: '2.0',
    routeKey,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers,
    queryStringParameters: query,
    pathParameters: source === undefined ? {} : { source },
    requestContext: {},
    isBase64Encoded: !isText,
    body: body.toString(isText ? 'utf8' : 'base64'),
  } as unknown as APIGatewayProxyEventV2;
}

function send(response: ServerResponse, result: APIGatewayProxyStructuredResultV2): void {
  response.writeHead(result.statusCode ?? 200, result.headers as Record<string, string>);
  response.end(result.body);
}

/**
 * Serves a world over HTTP on a free port of 127.0.0.1, as API Gateway would: it knows the routes of the API, and hands
 * requests over in payload format 2.0. The world's clock moves on by a second with each request, so that no rate limit
 * stands in the way.
 */
export async function startPushServer(
  world: PushWorld,
  prepare: Prepare = (headers) => headers,
): Promise<PushServer> {
  let handled = 0;

  async function answer(request: IncomingMessage): Promise<APIGatewayProxyStructuredResultV2> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const route = findRoute(request.method ?? '', url.pathname);
    if (route === undefined) {
      const headers = { 'content-type': 'application/json' };
      return { statusCode: 404, headers, body: JSON.stringify({ message: 'Not Found' }) };
    }
    handled += 1;
    world.clock.advance(1000);
    const context = { awsRequestId: `request-${String(handled)}`, getRemainingTimeInMillis: () => 25_000 };
    return await world.handle(
      toEvent(request, url, route, Buffer.concat(chunks), prepare),
      context as unknown as Context,
    );
  }

  const server = createServer((request, response) => {
    answer(request).then(
      (result) => {
        send(response, result);
      },
      (error: unknown) => {
        send(response, { statusCode: 502, headers: {}, body: String(error) });
      },
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${String(port)}`,
    get handled() {
      return handled;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
