import { describe, expect, test } from 'vitest';
import { readCall } from './options.ts';

/** A call as one line, cut at spaces. */
function read(line: string): unknown {
  const call = readCall(line.split(' ').filter((word) => word !== ''));
  return call.ok ? call.submission : call.problem;
}

const BASE = { recipients: [], readsRecipients: false, ignoresDots: false };

describe('a call of sendmail', () => {
  test.each<[string, string, object]>([
    ['PHP', '-t -i', { readsRecipients: true, ignoresDots: true }],
    [
      'PHP with a sender',
      '-t -i -fshop@example.com',
      { readsRecipients: true, ignoresDots: true, sender: 'shop@example.com' },
    ],
    [
      'cron of Debian',
      '-FCronDaemon -i -B8BITMIME -oem root',
      { recipients: ['root'], ignoresDots: true, fullName: 'CronDaemon' },
    ],
    [
      'cronie',
      '-FCronDaemon -i -odi -oem -oi -t -f root',
      { readsRecipients: true, ignoresDots: true, fullName: 'CronDaemon', sender: 'root' },
    ],
    [
      'git send-email',
      '-i -f a@example.com b@example.com c@example.com',
      { ignoresDots: true, sender: 'a@example.com', recipients: ['b@example.com', 'c@example.com'] },
    ],
    [
      'mutt',
      '-oem -oi -f a@example.com -N never -R hdrs -- -odd@example.com',
      {
        ignoresDots: true,
        sender: 'a@example.com',
        recipients: ['-odd@example.com'],
        dsn: { notify: [], return: 'headers' },
      },
    ],
    ['letters together', '-tif a@example.com', { readsRecipients: true, ignoresDots: true, sender: 'a@example.com' }],
    [
      '-bm, -v and an old -r',
      '-bm -v -r a@example.com b@example.com',
      { sender: 'a@example.com', recipients: ['b@example.com'] },
    ],
    [
      'notices',
      '-Nfailure,delay -Vid7 -Rfull a@example.com',
      { recipients: ['a@example.com'], dsn: { notify: ['failure', 'delay'], return: 'full', envelopeId: 'id7' } },
    ],
  ])('of %s', (_who, line, expected) => {
    expect(read(line)).toEqual({ ...BASE, ...expected });
  });

  test.each([
    ['', /name recipients/],
    ['-i', /name recipients/],
    ['-t -Z', /there is no option -Z/],
    ['--to a@example.com', /there is no option -$/],
    ['-t -f', /-f needs a value/],
    ['-bs', /-bs is not offered: SMTP/],
    ['-bp', /-bp is not offered: .*queue list/],
    ['-bd', /only -bm is/],
    ['-q', /-q is not offered/],
    ['-t -N sometimes', /-N needs/],
    ['-t -R everything', /-R needs/],
  ])('"%s" is refused', (line, said) => {
    expect(read(line)).toMatch(said);
  });

  test('an empty sender is the null sender', () => {
    expect(readCall(['-f', '', 'a@example.com'])).toMatchObject({ submission: { sender: '' } });
  });
});
