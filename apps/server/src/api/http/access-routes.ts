/** Who may send: apps for SMTP, keys for HTTP. */
import { z } from 'zod';
import { FROM_RULES, type AppInput, type AppRecord, type FromRule } from '../../access/app.ts';
import { KEY_SCOPES, type KeyInput, type KeyRecord, type KeyScope } from '../../access/key.ts';
import { jsonBody } from './json-body.ts';
import { bareAddress } from './message-input.ts';
import { timeOf, timeSchema } from './message-output.ts';
import type { ApiParts } from './parts.ts';
import { plainText } from './plain-text.ts';
import { actorOf, failed, json, refused, route, type Route } from './route.ts';

const NOTHING = z.strictObject({});

const name = plainText(128).min(1);
const addresses = z.array(bareAddress).max(1000);
const fromRule: z.ZodType<FromRule> = z.enum(FROM_RULES).meta({
  id: 'FromRule',
  description:
    'What happens to a sender that is not allowed: `refuse`, `rewrite` to the mailbox, or `keep` for the upstream to judge.',
});

const appFields = {
  name: name.meta({ description: 'Also the user name with which it signs in.' }),
  mailboxes: addresses.meta({
    description: 'The mailboxes that it sends through; the first where a sender names none.',
  }),
  from: addresses.exactOptional().meta({ description: 'Addresses in From beside the mailboxes.' }),
  networks: z
    .array(plainText(100))
    .max(1000)
    .exactOptional()
    .meta({ description: 'From these it sends without a password.', examples: [['192.0.2.0/24']] }),
  users: z
    .array(plainText(300))
    .max(1000)
    .exactOptional()
    .meta({ description: 'Accounts of the machine whose `postbearer sendmail` hands in as this app.' }),
  fromRule: fromRule.exactOptional(),
};

const appInput: z.ZodType<AppInput> = z.strictObject(appFields).meta({
  id: 'AppInput',
  description: 'An application or device that may send by SMTP.',
  examples: [{ name: 'scanner', mailboxes: ['notifications@example.com'] }],
});

const appSchema = z
  .strictObject({
    ...appFields,
    createdAt: timeSchema,
    learnedAt: timeSchema.optional(),
    previousPasswordUntil: timeSchema.optional(),
  })
  .meta({ id: 'App', description: 'An application or device that may send by SMTP.' });

function appOutput({ createdAt, learnedAt, previousPasswordUntil, ...app }: AppRecord): Record<string, unknown> {
  return {
    ...app,
    createdAt: timeOf(createdAt),
    ...(learnedAt === undefined ? {} : { learnedAt: timeOf(learnedAt) }),
    ...(previousPasswordUntil === undefined ? {} : { previousPasswordUntil: timeOf(previousPasswordUntil) }),
  };
}

const addedApp = z
  .strictObject({ app: appInput, password: z.string().meta({ description: 'Shown here and never again.' }) })
  .meta({ id: 'AddedApp', description: 'An app that was added, with its password.' });

function appRoutes({ control }: ApiParts): readonly Route[] {
  const same = { group: 'Apps', access: ['admin'], query: NOTHING } as const;
  const appList = z.strictObject({ apps: z.array(appSchema) }).meta({ id: 'AppList', description: 'Apps.' });
  return [
    route(
      {
        ...same,
        method: 'get',
        path: '/v1/apps',
        name: 'listApps',
        summary: 'List the apps',
        answers: { 200: { description: 'Every app, by name.', schema: appList } },
      },
      async () => {
        const found = await control.listApps({});
        return found.ok ? json({ apps: found.value.map(appOutput) }) : failed(found);
      },
    ),
    route(
      {
        ...same,
        method: 'post',
        path: '/v1/apps',
        name: 'addApp',
        summary: 'Let an application or device send',
        contents: { 'application/json': { schema: appInput } },
        answers: { 201: { description: 'It may send from now on.', schema: addedApp } },
        problems: [409, 413, 415, 422],
      },
      async (call) => {
        const body = await jsonBody(call.incoming, appInput);
        if (!body.ok) return refused(body);
        const added = await control.addApp({ app: body.value, actor: actorOf(call) });
        return added.ok ? json(added.value, 201) : failed(added);
      },
    ),
    route(
      {
        ...same,
        method: 'delete',
        path: '/v1/apps/{name}',
        name: 'removeApp',
        summary: 'Let an app send no more',
        params: { name: 'The name of the app.' },
        answers: { 204: { description: 'It may send no more.' } },
        problems: [404],
      },
      async (call) => {
        const removed = await control.removeApp({ name: call.params['name'] ?? '', actor: actorOf(call) });
        return removed.ok ? new Response(undefined, { status: 204 }) : failed(removed);
      },
    ),
  ];
}

const scope: z.ZodType<KeyScope> = z.enum(KEY_SCOPES).meta({
  id: 'KeyScope',
  description:
    '`send` hands in mail and follows what itself handed in, `read` sees messages, `manage` also retries, releases, holds and discards, `admin` does everything.',
});

const keyFields = {
  name: name.meta({ description: 'Says in lists and records who it was.' }),
  scopes: z.array(scope).min(1).max(KEY_SCOPES.length),
  mailboxes: addresses.exactOptional().meta({
    description: 'The mailboxes that it sends through, and whose messages it sees; all where none is named.',
  }),
  from: appFields.from,
  fromRule: fromRule.exactOptional(),
  requestsPerMinute: z.int().min(1).max(1_000_000).exactOptional().meta({ description: '6,000 where it is left out.' }),
};

interface KeyBody extends Omit<KeyInput, 'expiresAt'> {
  readonly expiresAt?: string;
}

const keyInput: z.ZodType<KeyBody> = z
  .strictObject({
    ...keyFields,
    expiresAt: z.iso.datetime({ offset: true }).exactOptional().meta({ description: 'Never where it is left out.' }),
  })
  .meta({
    id: 'KeyInput',
    description: 'A key of this API.',
    examples: [{ name: 'shop', scopes: ['send'], mailboxes: ['notifications@example.com'] }],
  });

const keySchema = z
  .strictObject({
    ...keyFields,
    createdAt: timeSchema,
    expiresAt: timeSchema.optional(),
    lastUsedAt: timeSchema.optional().meta({ description: 'To the minute.' }),
  })
  .meta({ id: 'Key', description: 'A key of this API.' });

function keyOutput({ createdAt, expiresAt, lastUsedAt, ...key }: KeyRecord): Record<string, unknown> {
  return {
    ...key,
    createdAt: timeOf(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: timeOf(expiresAt) }),
    ...(lastUsedAt === undefined ? {} : { lastUsedAt: timeOf(lastUsedAt) }),
  };
}

const addedKey = z
  .strictObject({ key: keySchema, secret: z.string().meta({ description: 'Shown here and never again.' }) })
  .meta({ id: 'AddedKey', description: 'A key that was added.' });

function keyRoutes({ control }: ApiParts): readonly Route[] {
  const same = { group: 'Keys', access: ['admin'], query: NOTHING } as const;
  const keyList = z.strictObject({ keys: z.array(keySchema) }).meta({ id: 'KeyList', description: 'Keys.' });
  return [
    route(
      {
        ...same,
        method: 'get',
        path: '/v1/keys',
        name: 'listKeys',
        summary: 'List the keys',
        answers: { 200: { description: 'Every key, by name, with its last use.', schema: keyList } },
      },
      async () => {
        const found = await control.listKeys({});
        return found.ok ? json({ keys: found.value.map(keyOutput) }) : failed(found);
      },
    ),
    route(
      {
        ...same,
        method: 'post',
        path: '/v1/keys',
        name: 'addKey',
        summary: 'Add a key',
        contents: { 'application/json': { schema: keyInput } },
        answers: { 201: { description: 'It is valid from now on.', schema: addedKey } },
        problems: [409, 413, 415, 422],
      },
      async (call) => {
        const body = await jsonBody(call.incoming, keyInput);
        if (!body.ok) return refused(body);
        const { expiresAt, ...key } = body.value;
        const end = expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) };
        const added = await control.addKey({ key: { ...key, ...end }, actor: actorOf(call) });
        return added.ok ? json({ key: keyOutput(added.value.key), secret: added.value.secret }, 201) : failed(added);
      },
    ),
    route(
      {
        ...same,
        method: 'delete',
        path: '/v1/keys/{name}',
        name: 'revokeKey',
        summary: 'Revoke a key',
        description: 'No request with it is answered from then on, on any node.',
        params: { name: 'The name of the key.' },
        answers: { 204: { description: 'It is revoked.' } },
        problems: [404],
      },
      async (call) => {
        const revoked = await control.revokeKey({ name: call.params['name'] ?? '', actor: actorOf(call) });
        return revoked.ok ? new Response(undefined, { status: 204 }) : failed(revoked);
      },
    ),
  ];
}

/** The routes about apps and keys. */
export function accessRoutes(parts: ApiParts): readonly Route[] {
  return [...appRoutes(parts), ...keyRoutes(parts)];
}
