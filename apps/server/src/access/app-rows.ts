/** The apps as rows of the database: what is read and written of them. */
import { prepare, type Statement, type ValueNamed } from '@postbearer/database';
import { parseApp, type App, type AppRecord, type FromRule } from './app.ts';
import { db, type AccessTables } from './schema.ts';

/** On which changes of access are told to the other nodes. */
export const ACCESS_CHANNEL = 'access_changed';

/** A row of `app`. */
export type AppRow = AccessTables['app'];

/** An app with what is kept of its password. */
export interface KnownApp {
  readonly app: App;
  readonly record: AppRecord;
  readonly credential: string;
  readonly previous: { readonly credential: string; readonly until: number } | undefined;
}

/** Every app, by name. */
export const allApps: (values: Record<string, never>) => Statement<AppRow> = prepare(() =>
  db.selectFrom('app').selectAll().orderBy('name'),
);

/** Every address from which an app signed in well. */
export const allAddresses: (values: Record<string, never>) => Statement<AccessTables['app_address']> = prepare(() =>
  db.selectFrom('app_address').selectAll(),
);

type NewApp = Pick<
  AppRow,
  'name' | 'credential' | 'mailboxes' | 'senders' | 'networks' | 'users' | 'from_rule' | 'created_at' | 'learned_at'
>;

const insertApp = prepare((value: ValueNamed<{ readonly [Column in keyof NewApp]: NewApp[Column] }>) =>
  db
    .insertInto('app')
    .values({
      name: value('name'),
      credential: value('credential'),
      mailboxes: value('mailboxes'),
      senders: value('senders'),
      networks: value('networks'),
      users: value('users'),
      from_rule: value('from_rule'),
      created_at: value('created_at'),
      learned_at: value('learned_at'),
    })
    .onConflict((conflict) => conflict.doNothing()),
);

/** What an app may do, as it is written down and as an audit record shows it. */
export function rightsOf(
  app: App,
): Required<Omit<AppRecord, 'name' | 'createdAt' | 'learnedAt' | 'previousPasswordUntil'>> {
  const { mailboxes, from, networks, users, fromRule } = app;
  return { mailboxes, from, networks: networks.map(({ text }) => text), users, fromRule };
}

/** The statement that adds an app; it changes no row where the name is taken. */
export function insertStatement(app: App, credential: string, createdAt: number, learnedAt: number | null): Statement {
  const { mailboxes, from, networks, users, fromRule } = rightsOf(app);
  return insertApp({
    name: app.name,
    credential,
    mailboxes: JSON.stringify(mailboxes),
    senders: JSON.stringify(from),
    networks: JSON.stringify(networks),
    users: JSON.stringify(users),
    from_rule: fromRule,
    created_at: createdAt,
    learned_at: learnedAt,
  });
}

const updateRights = prepare(
  (value: ValueNamed<Pick<AppRow, 'name' | 'mailboxes' | 'senders' | 'networks' | 'users' | 'from_rule'> & {}>) =>
    db
      .updateTable('app')
      .set({
        mailboxes: value('mailboxes'),
        senders: value('senders'),
        networks: value('networks'),
        users: value('users'),
        from_rule: value('from_rule'),
      })
      .where('name', '=', value('name')),
);

/** The statement that changes what an app may do. */
export function rightsStatement(app: App): Statement {
  const { mailboxes, from, networks, users, fromRule } = rightsOf(app);
  return updateRights({
    name: app.name,
    mailboxes: JSON.stringify(mailboxes),
    senders: JSON.stringify(from),
    networks: JSON.stringify(networks),
    users: JSON.stringify(users),
    from_rule: fromRule,
  });
}

type Rotation = Pick<AppRow, 'name' | 'credential' | 'previous_credential' | 'previous_until'>;

/** The statement that gives an app another credential. */
export const rotateStatement: (values: { readonly [Column in keyof Rotation]: Rotation[Column] }) => Statement =
  prepare((value: ValueNamed<{ readonly [Column in keyof Rotation]: Rotation[Column] }>) =>
    db
      .updateTable('app')
      .set({
        credential: value('credential'),
        previous_credential: value('previous_credential'),
        previous_until: value('previous_until'),
      })
      .where('name', '=', value('name')),
  );

/** The statement that removes an app. */
export const deleteStatement: (values: { readonly name: string }) => Statement = prepare(
  (value: ValueNamed<{ name: string }>) => db.deleteFrom('app').where('name', '=', value('name')),
);

/** The statement that remembers from where an app signed in well. */
export const addressStatement: (values: {
  readonly app: string;
  readonly address: string;
  readonly at: number;
}) => Statement = prepare((value: ValueNamed<{ app: string; address: string; at: number }>) =>
  db
    .insertInto('app_address')
    .values({ app: value('app'), address: value('address'), seen_at: value('at') })
    .onConflict((conflict) => conflict.doNothing()),
);

function recordOf(row: AppRow): AppRecord {
  return {
    name: row.name,
    mailboxes: JSON.parse(row.mailboxes) as string[],
    from: JSON.parse(row.senders) as string[],
    networks: JSON.parse(row.networks) as string[],
    users: JSON.parse(row.users) as string[],
    fromRule: row.from_rule as FromRule,
    createdAt: row.created_at,
    ...(row.learned_at === null ? {} : { learnedAt: row.learned_at }),
    ...(row.previous_until === null ? {} : { previousPasswordUntil: row.previous_until }),
  };
}

/** Reads a row. */
export function knownApp(row: AppRow): KnownApp {
  const record = recordOf(row);
  const app = parseApp(record);
  // Nothing is stored that was not parsed before, so somebody else wrote this row.
  if (!app.ok) throw new Error(`The app "${row.name}" in the database cannot be read: ${app.fault.message}`);
  const { credential, previous_credential: previous, previous_until: until } = row;
  return {
    app: app.value,
    record,
    credential,
    previous: previous === null || until === null ? undefined : { credential: previous, until },
  };
}
