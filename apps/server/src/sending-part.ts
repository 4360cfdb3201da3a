/** Delivery as a part of the service: lanes, the mailer, notices, and the way into the queue. */
import { statfs } from 'node:fs/promises';
import type { Result } from '@postbearer/core';
import { createMailer } from '@postbearer/mailer';
import type { SignInKind } from './access/app-usage.ts';
import { Dispatcher } from './delivery/dispatcher.ts';
import type { SettledStatements } from './delivery/lane-worker.ts';
import { LaneBook } from './delivery/lanes.ts';
import { MailerSwitch } from './delivery/mailer-switch.ts';
import { createNoticeMaker } from './delivery/notices.ts';
import { wayStatements } from './delivery/way-record.ts';
import { createWayMailer, type SendingMailer } from './delivery/way-mailer.ts';
import { createSubmitter, type QueuedStatements, type Submitter, type SubmitterOptions } from './delivery/submit.ts';
import { changeBy, type Change, type Part, type PartContext } from './part.ts';
import { saysTheSame, type Snapshot } from './snapshot.ts';

/** Delivery, and what others ask of it. */
export interface SendingPart extends Part {
  readonly submitter: Submitter;
  readonly lanes: LaneBook;
  readonly dispatcher: Dispatcher;
}

function mailerFor(
  { settings, idleMs, pace }: Snapshot,
  { clock, onEvent, environment, wantsDialogue }: PartContext,
): SendingMailer {
  return createWayMailer(settings, (ofOneWay) =>
    createMailer(ofOneWay, {
      clock,
      onEvent,
      dialogue: wantsDialogue,
      environment,
      ...(idleMs === undefined ? {} : { idleMs }),
      ...(pace.connections === undefined ? {} : { maxConnections: pace.connections }),
    }),
  );
}

/** What a mailer is made from. */
function mailerSettings({ settings, idleMs, pace, namedFiles }: Snapshot): object {
  const { upstreams, mailboxes, service } = settings;
  return { upstreams, mailboxes, migration: service.migration, idleMs, pace, namedFiles };
}

async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

function submitterOf(context: PartContext, lanes: LaneBook, { queued }: StoredBeside): Submitter {
  const { store, dataFolder, clock, current, isClosing } = context;
  return createSubmitter({
    queue: store.queue,
    lanes,
    get maxMessageBytes() {
      return current().service.relay.maxMessageBytes;
    },
    get maxRecipients() {
      return current().service.relay.maxRecipients;
    },
    get appLimits() {
      return current().service.apps;
    },
    // Where the data is in PostgreSQL, the disk of the folder says nothing about it.
    ...(current().service.database.url === undefined ? { freeBytes: () => freeBytesOf(dataFolder) } : {}),
    clock,
    isClosing,
    queuedStatements: queued,
    onQueued: tellOfQueued(context),
  });
}

/** What comes by SMTP is noted by the relay, which knows how it was signed in for. */
const KINDS: readonly (readonly [prefix: string, kind: SignInKind])[] = [
  ['http ', 'key'],
  ['sendmail ', 'account'],
];

function tellOfQueued({ onEvent, store }: PartContext): SubmitterOptions['onQueued'] {
  return ({ id }, { lane }, { app }, { messageId, origin, recipients }, sizeBytes) => {
    const [prefix, kind] = KINDS.find(([start]) => origin.startsWith(start)) ?? [];
    if (prefix !== undefined && kind !== undefined)
      store.apps.usage.note({ app: app.name, kind, security: '', address: origin.slice(prefix.length) });
    onEvent({
      name: 'message.queued',
      id,
      messageId,
      app: app.name,
      lane: lane.name,
      origin,
      recipients: recipients.length,
      sizeBytes,
    });
  };
}

/** What is stored in the batches of delivery beside its own. */
export interface StoredBeside {
  readonly settled: SettledStatements;
  readonly queued: QueuedStatements;
}

/** Makes the part; it sends from its first change on. */
export function createSendingPart(context: PartContext, stored: StoredBeside): SendingPart {
  const { store, clock, onEvent, onError, current } = context;
  const { database, queue, apps } = store;
  let inForce = current();
  const lanes = new LaneBook(inForce.settings, inForce.pace);
  const mailer = new MailerSwitch(mailerFor(inForce, context), clock);
  const noticesFor = createNoticeMaker({
    queue,
    clock,
    get hostname() {
      return current().hostname;
    },
    get to() {
      return current().service.notices.to;
    },
  });
  const { probeTimes } = inForce;
  const dispatcher = new Dispatcher({
    database,
    queue,
    lanes,
    mailer,
    clock,
    probeTimes,
    noticesFor,
    settledStatements: (leased, decision, way) => [
      ...wayStatements(leased, decision, way, current().settings),
      ...stored.settled(leased, decision),
    ],
    onEvent,
    onError,
  });
  let isStarted = false;

  const start = async (): Promise<Result<Change>> => {
    for (const { mailboxes } of apps.list()) for (const mailbox of mailboxes) lanes.ofMailbox(mailbox);
    const started = await dispatcher.start();
    if (!started.ok) return started;
    isStarted = true;
    queue.start();
    return changeBy(() => undefined);
  };

  return {
    submitter: submitterOf(context, lanes, stored),
    lanes,
    dispatcher,
    async prepare(next) {
      if (!isStarted) return await start();
      return changeBy(() => {
        lanes.replace(next.settings, next.pace);
        dispatcher.followLanes();
        if (!saysTheSame(mailerSettings(inForce), mailerSettings(next))) {
          mailer.replace(mailerFor(next, context));
          dispatcher.tryHolds();
        }
        inForce = next;
      });
    },
    async close(graceMs) {
      await dispatcher.stop(graceMs);
      await mailer.close();
    },
  };
}
