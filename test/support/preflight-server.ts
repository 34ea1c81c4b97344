import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';

/** The API with what the emulator leaves out: it never takes an OPTIONS request to its route. */
export interface PreflightServer {
  readonly url: string;
  /** The requests so far, as `METHOD path` with the origin that they named. */
  readonly requests: readonly { readonly line: string; readonly origin: string | undefined }[];
  stop(): Promise<void>;
}

/** Headers that belong to one connection, not to the request. */
const OF_CONNECTION: ReadonlySet<string> = new Set(['host', 'connection', 'content-length']);
const ROUTE = /^\/v1\/sources\/([^/]+)\/(records|validate|schema)$/;

/**
 * Stands before the API of the embedded cloud. What API Gateway does with a preflight request, which is to take it to
 * the function of its route, it does here; everything else goes to the emulator as it is.
 */
export async function startPreflightServer(
  apiUrl: string,
  lambda: LambdaClient,
  functionName: string,
): Promise<PreflightServer> {
  const requests: { readonly line: string; readonly origin: string | undefined }[] = [];

  async function preflight(request: IncomingMessage, path: string): Promise<Response> {
    const [, source = '', resource = ''] = ROUTE.exec(path) ?? [];
    const event = {
      version: '2.0',
      routeKey: `OPTIONS /v1/sources/{source}/${resource}`,
      rawPath: path,
      rawQueryString: '',
      headers: request.headers,
      pathParameters: { source },
      requestContext: { http: { method: 'OPTIONS', path } },
      isBase64Encoded: false,
    };
    const { Payload: payload } = await lambda.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
    );
    const { statusCode, headers, body } = JSON.parse(
      Buffer.from(payload ?? []).toString(),
    ) as APIGatewayProxyStructuredResultV2;
    return new Response(statusCode === 204 ? null : (body ?? null), {
      status: statusCode ?? 500,
      headers: headers as Record<string, string>,
    });
  }

  async function forward(request: IncomingMessage, path: string): Promise<Response> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(([name]) => !OF_CONNECTION.has(name)),
    ) as Record<string, string>;
    const init = { method: request.method ?? 'GET', headers };
    const body = Buffer.concat(chunks);
    return fetch(`${apiUrl}${path}`, body.length === 0 ? init : { ...init, body });
  }

  const server = createServer((request, response) => {
    const path = request.url ?? '/';
    requests.push({ line: `${request.method ?? ''} ${path}`, origin: request.headers.origin });
    const answer = request.method === 'OPTIONS' ? preflight(request, path) : forward(request, path);
    answer
      .then(async (answered) => {
        const body = Buffer.from(await answered.arrayBuffer());
        response.writeHead(answered.status, Object.fromEntries(answered.headers));
        response.end(body);
      })
      .catch((error: unknown) => {
        response.writeHead(502).end(String(error));
      });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
