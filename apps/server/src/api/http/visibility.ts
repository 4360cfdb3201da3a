/**
 * What a key sees.
 *
 * The rules of this file:
 * - a key of the scope `read` sees what goes through its mailboxes; one that names none sees everything;
 * - a key that may only send sees what it handed in itself;
 * - what a key does not see is, for it, not there: the answer is the same as for a name that nobody gave.
 */
import { failure, success, type Result } from '@postbearer/core';
import {
  queueFaults,
  type MessageDetails,
  type MessageFilter,
  type MessagePage,
  type PageRequest,
} from '@postbearer/queue';
import { appNameOf, mayDo, type ApiKey } from '../../access/key.ts';
import { lanesOfMailbox } from '../../delivery/ways.ts';
import type { ApiParts } from './parts.ts';

/** The lanes that a key is bound to; `undefined` where it is bound to none. */
export function lanesOf(key: ApiKey, { laneOf }: Pick<ApiParts, 'laneOf'>): readonly string[] | undefined {
  if (key.mailboxes.length === 0 || key.scopes.has('admin')) return undefined;
  return [...new Set(key.mailboxes.flatMap((mailbox) => lanesOfMailbox(laneOf(mailbox).name)))];
}

/** Whether a key sees a lane. */
export function seesLane(key: ApiKey, lane: string, parts: Pick<ApiParts, 'laneOf'>): boolean {
  return lanesOf(key, parts)?.includes(lane) ?? true;
}

/** A message, where the key sees it. Fails with `QUEUE_MESSAGE_UNKNOWN` or what the database reports. */
export async function visibleMessage(id: string, key: ApiKey, parts: ApiParts): Promise<Result<MessageDetails>> {
  const found = await parts.control.showMessage({ id });
  if (!found.ok) return found;
  const { app, lane } = found.value;
  const isSeen = app === appNameOf(key.name) || (mayDo(key, 'read') && seesLane(key, lane, parts));
  return isSeen ? found : failure(queueFaults.make('QUEUE_MESSAGE_UNKNOWN', { id }));
}

/** Below this name, one of the lists may hold more than its page shows. */
function cutOf(pages: readonly MessagePage[]): string | undefined {
  return pages
    .flatMap(({ next }) => next ?? [])
    .toSorted()
    .at(-1);
}

/** A page of what a key sees; for one that is bound to several lanes, a page of each is merged. */
export async function visiblePage(
  filter: MessageFilter,
  page: PageRequest & { readonly limit: number },
  key: ApiKey,
  parts: ApiParts,
): Promise<Result<MessagePage>> {
  const lanes = lanesOf(key, parts);
  if (!mayDo(key, 'read')) {
    const own = appNameOf(key.name);
    if (filter.app !== undefined && filter.app !== own) return success({ messages: [] });
    return await parts.control.listMessages({ filter: { ...filter, app: own }, page });
  }
  if (lanes === undefined) return await parts.control.listMessages({ filter, page });
  const wanted = lanes.filter((lane) => filter.lane === undefined || filter.lane === lane);
  const pages: MessagePage[] = [];
  for (const lane of wanted) {
    const found = await parts.control.listMessages({ filter: { ...filter, lane }, page });
    if (!found.ok) return found;
    pages.push(found.value);
  }
  const cut = cutOf(pages);
  const all = pages
    .flatMap(({ messages }) => messages)
    .filter(({ id }) => cut === undefined || id >= cut)
    .toSorted((a, b) => (a.id < b.id ? 1 : -1));
  const messages = all.slice(0, page.limit);
  const next = all.length > page.limit ? messages.at(-1)?.id : cut;
  return success({ messages, ...(next === undefined ? {} : { next }) });
}
