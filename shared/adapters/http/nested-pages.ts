import { hash } from 'node:crypto';
import * as z from 'zod';
import type { HttpSourceConfig } from '../../config/schema.ts';
import { BlockedError } from '../../domain/errors.ts';
import { findSpan, rootSpan, scalarAt, textAt } from '../../domain/json-spans.ts';
import type { ParameterStore } from '../../ports/parameter-store.ts';
import type { Page, PageRequest, PullSource } from '../../ports/pull-source.ts';
import type { Requester } from './create-requester.ts';
import { placeOf, toEndpoint, type ResolvedRequest } from './endpoint.ts';
import { createPageReader, type PageReader } from './page-reader.ts';
import { resolveValue } from './resolve-value.ts';

type Parent = NonNullable<HttpSourceConfig['parent']>;

export interface NestedPagesOptions {
  /** Name of the source, for messages. */
  readonly name: string;
  readonly parent: Parent;
  readonly parameters: ParameterStore;
  readonly requester: Requester;
  /** Reads the records of one parent. */
  readonly pages: PageReader;
  resolve(): Promise<ResolvedRequest>;
}

/** Where reading goes on: a page of parents, one of them, and a page of its records. */
interface Place {
  readonly parents: string | undefined;
  readonly index: number;
  /** Key of the parent at `index`; undefined where its page was not read yet. */
  readonly key: string | undefined;
  readonly page: string | undefined;
}

const START: Place = { parents: undefined, index: 0, key: undefined, page: undefined };
const placeSchema = z.tuple([
  z.string().nullable(),
  z.int().nonnegative(),
  z.string().nullable(),
  z.string().nullable(),
]);

const PLACEHOLDER = /\{parent\.([^{}]+)\}/g;
const KEY_LENGTH = 22;
const CLOSE_OBJECT = 0x7d;
const OPEN_OBJECT = 0x7b;

/**
 * Reads the records of parents that another endpoint lists: parent by parent, page by page. One page of parents and one of
 * records are in memory, and a token says where to go on. A parent that moves to another page while they are read may be
 * met twice or, this time, not at all, as with any listing that is read whole; the next run reads all of them again.
 */
export function createNestedPages(options: NestedPagesOptions): PullSource {
  const { name, parent, parameters, requester, pages } = options;
  const listing = createPageReader({
    name,
    place: 'parent.paginator',
    paginator: parent.paginator,
    recordsPath: parent.recordsPath,
    requester,
  });
  /** The page of parents that was read last. */
  let known: { readonly token: string | undefined; readonly page: Page } | undefined;

  async function parentsAt(token: string | undefined, isFirst: boolean, deadlineMs: number): Promise<Page> {
    // A listing that begins takes the parents that there are now.
    if (known !== undefined && known.token === token && !isFirst) return known.page;
    const { headers, ...request } = await options.resolve();
    const url = await resolveValue(parent.url, parameters);
    const where = placeOf(`sources.${name}.parent.url`, parent.url);
    if (URL.parse(url)?.origin !== URL.parse(request.url)?.origin) {
      throw new BlockedError(
        'PULL_URL_REFUSED',
        `${where} must be on the origin of ${request.where}: both get the same credentials`,
      );
    }
    const endpoint = toEndpoint({ url, headers, query: parent.query, body: undefined, where });
    const page = await listing.fetchPage(endpoint, token, deadlineMs);
    known = { token, page };
    return page;
  }

  async function fetchPage({ token, deadlineMs }: PageRequest): Promise<Page> {
    const place = token === undefined ? START : parsePlace(name, token);
    const parents = await parentsAt(place.parents, token === undefined, deadlineMs);
    const index = indexOf(parents, place);
    const bytes = parents.records[index];
    // A page without parents.
    if (bytes === undefined) {
      return {
        records: [],
        next: nextParents(parents),
        ...(parents.rateLimited === true && { rateLimited: true }),
      };
    }
    const page = await childPage(bytes, keyOf(bytes) === place.key ? place.page : undefined, deadlineMs);
    return { ...page, next: nextPlace(parents, { ...place, index }, page.next) };
  }

  async function childPage(bytes: Uint8Array, token: string | undefined, deadlineMs: number): Promise<Page> {
    const request = await options.resolve();
    const fill = (text: string, encode: (value: string) => string): string =>
      text.replaceAll(PLACEHOLDER, (_, field: string) => encode(fieldOf(bytes, field)));
    const url = fill(request.url, encodeSegment);
    const query = Object.fromEntries(
      Object.entries(request.query).map(([parameter, text]) => [parameter, fill(text, (value) => value)]),
    );
    const endpoint = { ...toEndpoint({ ...request, url, query }), id: keyOf(bytes) };
    const page = await pages.fetchPage(endpoint, token, deadlineMs);
    const added = Object.entries(parent.include).map(([to, from]) => [to, jsonAt(bytes, from)] as const);
    return { ...page, records: page.records.map((record) => addFields(record, added)) };
  }

  /** @throws BlockedError with code `PULL_NO_PARENT_FIELD` */
  function fieldOf(bytes: Uint8Array, field: string): string {
    const span = findSpan(bytes, field.split('.'));
    const text = span && scalarAt(bytes, span)?.text;
    if (text !== undefined && text !== '') return text;
    throw new BlockedError(
      'PULL_NO_PARENT_FIELD',
      `a parent of source ${name} has no value at ${field}; check {parent.${field}} in sources.${name}.url and query, and parent.key`,
    );
  }

  /** What tells a parent from others: short, however long its key is. */
  const keyOf = (bytes: Uint8Array): string =>
    hash('sha256', fieldOf(bytes, parent.key), 'base64url').slice(0, KEY_LENGTH);

  /** A value must not lead to another resource than the one below which it stands. */
  function encodeSegment(value: string): string {
    if (value !== '.' && value !== '..') return encodeURIComponent(value);
    throw new BlockedError(
      'PULL_NO_PARENT_FIELD',
      `a parent of source ${name} has "." or ".." where its url has a placeholder, which would change the path; check the placeholders in sources.${name}.url`,
    );
  }

  function nextPlace(
    parents: Page,
    { parents: at, index }: Place,
    page: string | undefined,
  ): string | undefined {
    const [here, after] = [parents.records[index], parents.records[index + 1]];
    if (page !== undefined && here !== undefined) {
      return formatPlace({ parents: at, index, key: keyOf(here), page });
    }
    if (after !== undefined) {
      return formatPlace({ parents: at, index: index + 1, key: keyOf(after), page: undefined });
    }
    return nextParents(parents);
  }

  /** Where the parent of a place stands now; its page may have changed. From the beginning if it is gone. */
  function indexOf({ records }: Page, { index, key }: Place): number {
    const at = records[index];
    if (key === undefined || (at !== undefined && keyOf(at) === key)) return index;
    const found = records.findIndex((bytes) => keyOf(bytes) === key);
    return found === -1 ? 0 : found;
  }

  /** The field's JSON; null where the parent has none. */
  function jsonAt(bytes: Uint8Array, field: string): string {
    const span = findSpan(bytes, field.split('.'));
    return span === undefined ? 'null' : textAt(bytes, span);
  }

  /**
   * Adds fields behind those that a record has, whose bytes stay as they are. What is no object is left to the contract.
   *
   * @throws BlockedError with code `PULL_PARENT_FIELD_TAKEN` when the record has a field of that name
   */
  function addFields(record: Uint8Array, added: readonly (readonly [string, string])[]): Uint8Array {
    if (record[0] !== OPEN_OBJECT || added.length === 0) return record;
    const root = rootSpan(record);
    const taken = added.find(([to]) => findSpan(record, [to], root) !== undefined)?.[0];
    if (taken !== undefined) {
      throw new BlockedError(
        'PULL_PARENT_FIELD_TAKEN',
        `records of source ${name} have a field "${taken}" of their own; choose another name in sources.${name}.parent.include`,
      );
    }
    const text = added.map(([to, json]) => `${JSON.stringify(to)}:${json}`).join(',');
    const body = record.subarray(0, root.end - 1);
    const isEmpty = Buffer.from(body.subarray(1)).toString('utf8').trim() === '';
    return Buffer.concat([body, Buffer.from(`${isEmpty ? '' : ','}${text}`), Buffer.of(CLOSE_OBJECT)]);
  }

  return { fetchPage };
}

function nextParents({ next }: Page): string | undefined {
  return next === undefined ? undefined : formatPlace({ ...START, parents: next });
}

function formatPlace({ parents, index, key, page }: Place): string {
  return JSON.stringify([parents ?? null, index, key ?? null, page ?? null]);
}

/** @throws BlockedError with code `UNREADABLE_POSITION`: the source was no nested one when the token was written */
function parsePlace(name: string, token: string): Place {
  try {
    const [parents, index, key, page] = placeSchema.parse(JSON.parse(token));
    return { parents: parents ?? undefined, index, key: key ?? undefined, page: page ?? undefined };
  } catch (error) {
    throw new BlockedError(
      'UNREADABLE_POSITION',
      `the position of source ${name} is none of a source with a parent; declare it under a new name, or reset its checkpoint`,
      { cause: error },
    );
  }
}
