/**
 * Takes one file in.
 *
 * The rules of this file:
 * - the owner of the file is who hands it in; nothing inside the file can say otherwise;
 * - a link, a second name, a device or a folder is never read: it may be somebody else's;
 * - the file is removed after the message is on disk in the database, and the batch that stores the message notes its name, so
 *   a kill between the two doubles nothing;
 * - what may pass by itself (a full disk, a database that is down) leaves the file where it is; everything else puts it aside.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import {
  parseMailboxAddress,
  type Clock,
  type EventSink,
  type Fault,
  type FaultValues,
  type MailboxAddress,
  type Result,
} from '@postbearer/core';
import { passPoint, type Database } from '@postbearer/database';
import type { App } from '../access/app.ts';
import type { AppRegistry } from '../access/app-registry.ts';
import type { Submitter } from '../delivery/submit.ts';
import { takeIn } from '../delivery/take-in.ts';
import { DropDamaged, readDrop, type Drop } from './drop-format.ts';
import type { DropFolder } from './drop-folder.ts';
import { sendmailFaults, type SendmailFaultCode } from './faults.ts';
import { isTaken, takenStatement } from './taken-files.ts';
import type { UserNames } from './user-names.ts';

/** What the settings say; it may change while the folder is served. */
export interface SendmailRules {
  /** The app of accounts that no app names. */
  readonly defaultApp: string;
  /** Gets what is for names of this machine. */
  readonly localMailTo?: MailboxAddress;
  /** The name of this machine. */
  readonly hostname: string;
}

/** What files are taken in with. */
export interface TakeFileOptions {
  readonly folder: DropFolder;
  readonly database: Database;
  readonly apps: Pick<AppRegistry, 'byUser' | 'byName'>;
  readonly submitter: Submitter;
  readonly userNames: UserNames;
  readonly rules: () => SendmailRules;
  /** The name of this node. */
  readonly node: string;
  readonly clock: Clock;
  readonly onEvent: EventSink;
}

/**
 * What became of a file: it is mail now and the file is gone; it was put aside; it was gone already; this one is to be tried
 * again; none can be taken now; or it stays and cannot be read.
 */
export type FileOutcome = 'taken' | 'aside' | 'gone' | 'again' | 'none' | 'unreadable';

/** Who a file is from. */
interface Owner {
  readonly name: string;
  readonly uid: number;
}

const BLOCK_BYTES = 64 * 1024;
/** Never waits for the writer of a pipe, and never follows a link. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function* blocksOf(file: FileHandle): AsyncGenerator<Uint8Array> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(BLOCK_BYTES), 0, BLOCK_BYTES);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}

/** What the database, the disk or the end of the service is the reason for is not for one message to suffer. */
function isOfAll({ code }: Fault): boolean {
  return /^(?:DATABASE|SERVICE)_/.test(code);
}

/** Takes files in, one at a time each. */
export class FileTaker {
  readonly #options: TakeFileOptions;

  constructor(options: TakeFileOptions) {
    this.#options = options;
  }

  /** Takes a file of the folder in. Throws for an error of the disk; the file stays then. */
  async take(name: string): Promise<FileOutcome> {
    const { folder, onEvent } = this.#options;
    let file: FileHandle;
    try {
      file = await open(folder.fileOf(name), FLAGS);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'ENOENT') return 'gone';
      if (code === 'ELOOP') return await this.#refuseBad(name, undefined, 'it is a symbolic link');
      if (code === 'ENXIO' || code === 'EOPNOTSUPP') return await this.#refuseBad(name, undefined, 'it is no file');
      if (code !== 'EACCES') throw error;
      const values = { file: folder.fileOf(name), reason: (error as Error).message };
      const fault = sendmailFaults.make('SENDMAIL_FILE_UNREADABLE', values);
      onEvent({ name: 'submission.refused', origin: 'sendmail', fault });
      return 'unreadable';
    }
    try {
      return await this.#takeOpened(name, file);
    } finally {
      await file.close();
    }
  }

  async #takeOpened(name: string, file: FileHandle): Promise<FileOutcome> {
    const { submitter, userNames } = this.#options;
    const found = await file.stat();
    const owner = { uid: found.uid, name: await userNames(found.uid) };
    if (!found.isFile()) return await this.#refuseBad(name, owner, 'it is no file');
    if (found.nlink !== 1) return await this.#refuseBad(name, owner, 'it has a second name (a hard link)');
    // Lengths of records and names of recipients make a file larger than its message.
    if (found.size > 2 * submitter.maxMessageBytes + 16 * 1024 * 1024)
      return await this.#refuseBad(name, owner, 'it is larger than any message');
    try {
      return await this.#takeDrop(name, owner, await readDrop(blocksOf(file)));
    } catch (error) {
      if (error instanceof DropDamaged) return await this.#refuseBad(name, owner, error.message);
      throw error;
    }
  }

  async #takeDrop(name: string, owner: Owner, drop: Drop): Promise<FileOutcome> {
    const { apps, rules, submitter, node, clock, database } = this.#options;
    const { defaultApp, hostname } = rules();
    const app = apps.byUser(owner.name, String(owner.uid)) ?? apps.byName(defaultApp);
    if (app === undefined) return await this.#refuseAs('SENDMAIL_USER_UNKNOWN', name, owner);
    const recipients: MailboxAddress[] = [];
    for (const written of drop.recipients) {
      const recipient = this.#addressOf(written);
      if (recipient === undefined)
        return await this.#refuseAs('SENDMAIL_LOCAL_RECIPIENT', name, owner, { recipient: written });
      recipients.push(recipient);
    }
    const sender = drop.sender === undefined || drop.sender === '' ? drop.sender : this.#parsed(drop.sender);
    const admitted = await this.#admit(app, recipients.length);
    if (!admitted.ok) return this.#unready(admitted.fault);
    const taken = await takeIn(
      {
        app,
        recipients,
        content: drop.content,
        origin: `sendmail ${owner.name}`,
        received: `Received: by ${hostname} (Postbearer) with local (uid ${owner.uid})`,
        hostname,
        now: clock.now(),
        ...(sender === undefined ? {} : { sender }),
        ...(drop.dsn === undefined ? {} : { dsn: drop.dsn }),
        statements: [takenStatement(name, node, clock.now())],
      },
      submitter,
    );
    if (taken.ok) return await this.#done(name);
    if (taken.fault.code === 'QUEUE_BATCH_UNDONE') {
      const known = await isTaken(database, name);
      return known.ok && known.value ? await this.#done(name) : 'again';
    }
    if (taken.fault.next === 'retry' || taken.fault.next === 'uncertain' || isOfAll(taken.fault))
      return this.#unready(taken.fault);
    return await this.#refuse(name, owner, taken.fault, app.name);
  }

  /** Room on the disk and the limits of the app, as for whatever else comes in. */
  async #admit(app: App, recipients: number): Promise<Result<void>> {
    const { admission } = this.#options.submitter;
    const admitted = await admission.message(app);
    return admitted.ok ? admission.recipients(app, recipients) : admitted;
  }

  #unready(fault: Fault): FileOutcome {
    return isOfAll(fault) ? 'none' : 'again';
  }

  async #done(name: string): Promise<FileOutcome> {
    passPoint('drop-remove:before');
    await this.#options.folder.remove(name);
    passPoint('drop-remove:after');
    return 'taken';
  }

  #parsed(text: string): MailboxAddress | undefined {
    const parsed = parseMailboxAddress(text);
    return parsed.ok ? parsed.value : undefined;
  }

  #addressOf(recipient: string): MailboxAddress | undefined {
    return recipient.includes('@') ? this.#parsed(recipient) : this.#options.rules().localMailTo;
  }

  async #refuseBad(name: string, owner: Owner | undefined, reason: string): Promise<FileOutcome> {
    return await this.#refuseAs('SENDMAIL_FILE_BAD', name, owner, { reason });
  }

  async #refuseAs(
    code: SendmailFaultCode,
    name: string,
    owner: Owner | undefined,
    values: FaultValues = {},
  ): Promise<FileOutcome> {
    const { folder } = this.#options;
    const fault = sendmailFaults.make(code, {
      file: folder.fileOf(name),
      aside: folder.asideOf(name),
      folder: folder.path,
      user: owner?.name ?? 'nobody',
      ...values,
    });
    return await this.#refuse(name, owner, fault);
  }

  async #refuse(name: string, owner: Owner | undefined, fault: Fault, app?: string): Promise<FileOutcome> {
    const { folder, onEvent } = this.#options;
    let isAside = true;
    try {
      await folder.setAside(name);
    } catch {
      // A folder of somebody else cannot be moved: it stays, and is not looked at again.
      isAside = false;
    }
    const origin = `sendmail ${owner?.name ?? ''}`.trim();
    onEvent({ name: 'submission.refused', ...(app === undefined ? {} : { app }), origin, fault });
    return isAside ? 'aside' : 'unreadable';
  }
}
