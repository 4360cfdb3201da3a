/**
 * The words with which programs have called `sendmail` for forty years (sendmail(8), and sendmail(1) of Postfix).
 *
 * The rules of this file:
 * - options are single letters, may stand together (`-ti`), and have their value in the same word or in the next;
 * - what only tunes another program (`-oem`, `-B8BITMIME`, `-v`) is taken and means nothing here; what would mean something and
 *   is not offered here (`-bs`, `-bp`, `-q`), or is not known, is refused: a caller must not believe that it was done;
 * - a wrong call is told with what is wrong, and not with what was typed in it.
 */
import type { LocalSubmission } from '@postbearer/server/sendmail';

/** How a call was read. */
export type SendmailCall =
  | { readonly ok: true; readonly submission: LocalSubmission }
  | { readonly ok: false; readonly problem: string };

/** Options without a value. */
const FLAGS = 'tinmvGU';
/** Options with a value. */
const VALUED = 'ABFLNORVXbefhopqr';
/** Options with a value that are not offered, whatever it is. */
const REFUSED: Readonly<Record<string, string>> = {
  q: 'the queue is sent by itself; postbearer queue retry tries a message again',
  X: 'the dialogue is shown by postbearer trace',
};
/** Other modes than taking a message. */
const MODES: Readonly<Record<string, string>> = {
  p: 'postbearer queue list shows the queue',
  s: 'SMTP is spoken on the ports of the relay',
  i: 'there are no aliases to make anew',
};

class WrongCall extends Error {}

interface Seen {
  t: boolean;
  i: boolean;
  readonly values: Map<string, string>;
  readonly recipients: string[];
}

function takeValue(letter: string, value: string, seen: Seen): void {
  if (letter === 'b' && value !== 'm')
    throw new WrongCall(`-b${value.slice(0, 1)} is not offered: ${MODES[value] ?? 'only -bm is'}`);
  const refused = REFUSED[letter];
  if (refused !== undefined) throw new WrongCall(`-${letter} is not offered: ${refused}`);
  if (letter === 'o' && value.startsWith('i')) seen.i = true;
  // -r is an old name of -f.
  seen.values.set(letter === 'r' ? 'f' : letter, value);
}

function takeWord(word: string, rest: string[], seen: Seen): void {
  for (let at = 1; at < word.length; at += 1) {
    const letter = word.charAt(at);
    if (VALUED.includes(letter)) {
      const value = word.length > at + 1 ? word.slice(at + 1) : rest.shift();
      // A queue run is asked for by the bare letter.
      if (value === undefined && letter !== 'q') throw new WrongCall(`-${letter} needs a value`);
      takeValue(letter, value ?? '', seen);
      return;
    }
    if (!FLAGS.includes(letter)) throw new WrongCall(`there is no option -${/[A-Za-z0-9]/.test(letter) ? letter : ''}`);
    if (letter === 't') seen.t = true;
    if (letter === 'i') seen.i = true;
  }
}

const NOTIFY: Readonly<Record<string, 'success' | 'failure' | 'delay'>> = {
  success: 'success',
  failure: 'failure',
  delay: 'delay',
};

/** What `-N`, `-R` and `-V` ask for (RFC 3461). */
function dsnOf(values: ReadonlyMap<string, string>): LocalSubmission['dsn'] {
  const [notify, wanted, envelopeId] = [
    values.get('N')?.toLowerCase(),
    values.get('R')?.toLowerCase(),
    values.get('V'),
  ];
  if (notify === undefined && wanted === undefined && envelopeId === undefined) return undefined;
  const kinds = notify === undefined || notify === 'never' ? [] : notify.split(',').map((kind) => NOTIFY[kind]);
  if (kinds.includes(undefined))
    throw new WrongCall('-N needs never, or success, failure and delay with commas between');
  if (wanted !== undefined && wanted !== 'full' && wanted !== 'hdrs') throw new WrongCall('-R needs full or hdrs');
  if (envelopeId !== undefined && !/^[!-~]{1,100}$/.test(envelopeId))
    throw new WrongCall('-V needs up to 100 printable characters');
  return {
    ...(notify === undefined ? {} : { notify: kinds.filter((kind) => kind !== undefined) }),
    ...(wanted === undefined ? {} : { return: wanted === 'full' ? ('full' as const) : ('headers' as const) }),
    ...(envelopeId === undefined ? {} : { envelopeId }),
  };
}

function submissionOf({ t, i, values, recipients }: Seen): LocalSubmission {
  if (!t && recipients.length === 0)
    throw new WrongCall('name recipients, or say -t to read them from the header of the message');
  const [sender, fullName, dsn] = [values.get('f'), values.get('F'), dsnOf(values)];
  return {
    recipients,
    readsRecipients: t,
    ignoresDots: i,
    ...(sender === undefined ? {} : { sender }),
    ...(fullName === undefined ? {} : { fullName }),
    ...(dsn === undefined ? {} : { dsn }),
  };
}

/** Reads the words after `sendmail`. */
export function readCall(words: readonly string[]): SendmailCall {
  const rest = [...words];
  const seen: Seen = { t: false, i: false, values: new Map(), recipients: [] };
  try {
    for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
      if (word === '--') seen.recipients.push(...rest.splice(0));
      else if (word.startsWith('-') && word.length > 1) takeWord(word, rest, seen);
      else seen.recipients.push(word);
    }
    return { ok: true, submission: submissionOf(seen) };
  } catch (error) {
    if (!(error instanceof WrongCall)) throw error;
    return { ok: false, problem: error.message };
  }
}
