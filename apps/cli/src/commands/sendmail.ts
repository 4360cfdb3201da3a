/**
 * `postbearer sendmail`: takes a message from a program and puts it where the service finds it.
 *
 * It runs for every mail that a program sends, so it loads nothing it does not need, reads no settings, and holds no more of a
 * message in memory than its header. It ends well only when the message is on disk.
 */
import { hostname } from 'node:os';
import { parseMailboxAddress } from '@postbearer/core';
import { dropMessage, readLocalMessage, sendmailFaults } from '@postbearer/server/sendmail';
import { CommandFailure, need } from '../command-failure.ts';
import type { DefineCommand, RunCommand } from '../command-table.ts';
import { EXIT } from '../exit-codes.ts';
import { readCall } from '../sendmail/options.ts';

/** Where the service looks if nobody says otherwise. */
const STANDARD_FOLDER = '/var/spool/postbearer';

/** The name of this machine as a domain. */
function domainOfMachine(): string {
  const name = hostname();
  return parseMailboxAddress(`root@${name}`).ok ? name : 'localhost';
}

/** Takes the message on standard input. */
export const run: RunCommand = async (words, terminal) => {
  const call = readCall(words);
  if (!call.ok) throw CommandFailure.usage(`sendmail: ${call.problem}.`);
  if (process.platform === 'win32') throw CommandFailure.of(sendmailFaults.make('SENDMAIL_NOT_ON_WINDOWS'));
  const folder = terminal.environment['POSTBEARER_SENDMAIL_FOLDER'] ?? STANDARD_FOLDER;
  const message = need(await readLocalMessage(terminal.inputBlocks(), call.submission, domainOfMachine()));
  need(await dropMessage(folder, message.head, message.content));
  return EXIT.ok;
};

/** Describes the command; its words are read by {@link run}, since they follow the rules of another program. */
export const define: DefineCommand = (command) => {
  command
    .description(
      'Takes a message on standard input, as cron, PHP and mail programs hand it to sendmail, and puts it where the service finds it. Done when it is on disk; the service need not run. Also when this program is called by the name sendmail.',
    )
    .argument('[recipient...]', 'who gets it; names without a domain go where the settings of the service say')
    .option('-t', 'read recipients from To, Cc and Bcc; Bcc is not sent')
    .option('-i', 'a line with nothing but a dot does not end the message, also -oi')
    .option('-f <address>', 'the sender of the envelope, also -r; that of From where left out')
    .option('-F <name>', 'the name in From where there is no From')
    .option('-N <kinds>', 'when to be told: never, or success, failure and delay with commas between')
    .option('-R <what>', 'what is returned with a notice: full or hdrs')
    .option('-V <id>', 'a name of your own for the envelope, shown in notices')
    .addHelpText(
      'after',
      `
Also taken, without a meaning here: -bm -B -e -h -L -m -n -o -O -p -v -A -G -U.
The folder is that of the service (postbearer.sendmail.folder), given in POSTBEARER_SENDMAIL_FOLDER, else ${STANDARD_FOLDER}.
Who may send, and as whom, is decided by the account that calls: see postbearer app add --user.

Examples:
  postbearer sendmail -t -i < message.eml
  echo "Subject: Backup done" | postbearer sendmail admin@example.com
  ln -s "$(command -v postbearer)" /usr/sbin/sendmail        for programs that call sendmail
`,
    );
};
