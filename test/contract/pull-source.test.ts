import { describe } from 'vitest';
import type { HttpSourceInput } from '../support/declare-http.ts';
import { sendJson } from '../support/local-server.ts';
import { openHttp } from '../support/open-http.ts';
import { pullSourceContract, type OpenedSource, type SuiteRecord } from './pull-source.suite.ts';

const PAGE = 3;
const INCREMENTAL = {
  cursor: 'ts',
  parameter: 'since',
  endParameter: 'until',
  initialValue: '0',
} as const;

/** An API over the records of the suite, with one kind of paginator. */
async function openApi(
  records: readonly SuiteRecord[],
  paginator: HttpSourceInput['paginator'],
): Promise<OpenedSource> {
  let failing: 'passing' | 'lasting' | undefined;
  const opened = await openHttp(
    { paginator, recordsPath: 'data', incremental: INCREMENTAL },
    ({ url }, response) => {
      if (failing !== undefined) {
        response.writeHead(failing === 'passing' ? 503 : 403).end();
        return;
      }
      const query = url.searchParams;
      const since = Number(query.get('since'));
      const until = Number(query.get('until') ?? Number.POSITIVE_INFINITY);
      const found = records.filter(({ ts }) => ts >= since && ts < until);
      const at = query.has('page') ? (Number(query.get('page')) - 1) * PAGE : Number(query.get('at') ?? 0);
      const isLast = at + PAGE >= found.length;
      const more = new URL(url);
      more.searchParams.set('at', String(at + PAGE));
      const data = found.slice(at, at + PAGE).map(({ text }) => text);
      const next = isLast ? 'null' : JSON.stringify(String(at + PAGE));
      const nextUrl = isLast ? 'null' : JSON.stringify(more.pathname + more.search);
      sendJson(
        response,
        `{"data":[${data.join(' ,\n')}],"next":${next},"nextUrl":${nextUrl},"more":${String(!isLast)}}`,
        isLast ? {} : { link: `<${more.pathname}${more.search}>; rel="next"`, 'x-next': String(at + PAGE) },
      );
    },
  );
  return {
    pages: opened.pages,
    again: opened.again,
    fail: (how) => {
      failing = how;
    },
    requests: () => opened.server.requests.length,
    nowMs: () => opened.clock.nowMs(),
  };
}

describe.each<[string, HttpSourceInput['paginator']]>([
  ['page', { type: 'page', hasMorePath: 'more' }],
  ['page, until an empty one', { type: 'page' }],
  ['offset', { type: 'offset', parameter: 'at', size: PAGE }],
  ['cursor', { type: 'cursor', parameter: 'at', path: 'next' }],
  ['cursor in a header', { type: 'cursor', parameter: 'at', header: 'X-Next' }],
  ['link-header', { type: 'link-header' }],
  ['next-url', { type: 'next-url', path: 'nextUrl' }],
])('http, paginator %s', (_, paginator) => {
  pullSourceContract({ open: (records) => openApi(records, paginator) });
});
