/** The folder of `postbearer sendmail` as a part of the service. */
import { success, type Result } from '@postbearer/core';
import type { Submitter } from './delivery/submit.ts';
import { nodeNameOf } from './node-name.ts';
import { changeBy, type Change, type Part, type PartContext } from './part.ts';
import { startSendmail, type SendmailFolder } from './sendmail/sendmail.ts';
import type { SendmailRules } from './sendmail/take-file.ts';
import type { Snapshot } from './snapshot.ts';

function rulesOf({ hostname, service: { sendmail } }: Snapshot): SendmailRules {
  const { app, localMailTo } = sendmail;
  return { defaultApp: app, hostname, ...(localMailTo === undefined ? {} : { localMailTo }) };
}

/** Makes the part; it looks into the folder from its first change on. */
export function createSendmailPart(context: PartContext, submitter: Submitter): Part {
  const { store, current, dataFolder } = context;
  let path: string | undefined;
  let served: SendmailFolder | undefined;

  const serve = async (folder: string): Promise<Result<SendmailFolder>> =>
    await startSendmail({
      ...context,
      folder,
      database: store.database,
      apps: store.apps,
      submitter,
      rules: () => rulesOf(current()),
      node: await nodeNameOf(dataFolder),
    });

  return {
    async prepare(next): Promise<Result<Change>> {
      const { folder } = next.service.sendmail;
      if (folder === path) return changeBy(() => undefined);
      const opened = folder === undefined ? undefined : await serve(folder);
      if (opened?.ok === false) return opened;
      return success({
        async commit() {
          await served?.close();
          [path, served] = [folder, opened?.value];
        },
        async abandon() {
          await opened?.value.close();
        },
      });
    },
    async close() {
      await served?.close();
    },
  };
}
