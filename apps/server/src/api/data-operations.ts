/** The operations about the data as a whole: backup, export, the record of changes. */
import { isAbsolute } from 'node:path';
import { failure, success, type Clock, type Result } from '@postbearer/core';
import { databaseFaults, type Database } from '@postbearer/database';
import type { MessageDetails, MessageFilter, Queue } from '@postbearer/queue';
import { listAudit } from '../access/audit-log.ts';
import { auditStatement } from '../access/audit.ts';
import type { Control, MadeBackup } from './control.ts';

/** What these operations work with. */
export interface DataOptions {
  readonly database: Database;
  readonly queue: Queue;
  readonly clock: Clock;
  /** Writes a copy of everything into a file. */
  readonly makeBackup: (file: string) => Promise<Result<MadeBackup>>;
}

type DataOperations = Pick<Control, 'backup' | 'exportMessages' | 'messageSource' | 'listAudit'>;

/** Messages with their recipients and attempts that are in memory at once. */
const PAGE = 100;

/** A page of messages failed in the middle of an export; the reader of a stream gets no other word than an exception. */
class ExportBroken extends Error {}

/** Every message that a filter finds, the newest first; at most a page of them is in memory. */
async function* allMessages(queue: Queue, filter: MessageFilter): AsyncGenerator<MessageDetails> {
  let after: string | undefined;
  do {
    const page = await queue.listDetails(filter, { limit: PAGE, ...(after === undefined ? {} : { after }) });
    if (!page.ok) throw new ExportBroken(page.fault.message);
    yield* page.value.messages;
    after = page.value.next;
  } while (after !== undefined);
}

async function* inBase64(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const bytes of source) yield Buffer.from(bytes).toString('base64');
}

/** Makes the operations. */
export function createDataOperations({ database, queue, clock, makeBackup }: DataOptions): DataOperations {
  return {
    async backup({ file, actor }) {
      if (!isAbsolute(file)) {
        const values = { file, reason: 'its path does not begin at the root' };
        return failure(databaseFaults.make('DATABASE_BACKUP_FAILED', values));
      }
      // Before it is made: a copy of all mail must not leave without its record.
      const entry = { actor, action: 'backup.make', subject: file };
      const recorded = await database.batch([auditStatement(entry, clock.now())]);
      return recorded.ok ? await makeBackup(file) : recorded;
    },
    exportMessages: ({ filter }) => Promise.resolve(success(allMessages(queue, filter))),
    async messageSource({ id }) {
      const source = await queue.openBody(id);
      return source.ok ? success(inBase64(source.value.open())) : source;
    },
    listAudit: (page) => listAudit(database, page),
  };
}
