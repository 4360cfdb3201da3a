/** The nearest known name to one that is not known. */

const KNOWN_BY_OTHER_NAMES: Readonly<Record<string, string>> = {
  host: 'server',
  smtpserver: 'server',
  user: 'username',
  login: 'username',
  pass: 'password',
  ssl: 'enableSsl',
  tls: 'enableSsl',
  secure: 'enableSsl',
  from: 'fromAddress',
  sender: 'fromAddress',
  endpoint: 'tokenEndpoint',
  tokenurl: 'tokenEndpoint',
  tenantid: 'tenant',
  secret: 'clientSecret',
  ca: 'caFile',
};

/** Letters and digits only, lower case: `client_id`, `ClientID` and `clientId` are the same mistake. */
function bare(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** How many letters to insert, remove or replace (Levenshtein); more than `limit` counts as `limit + 1`. */
function distance(one: string, other: string, limit: number): number {
  if (Math.abs(one.length - other.length) > limit) return limit + 1;
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const replaced = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return Math.min(row[other.length] ?? 0, limit + 1);
}

const LONGEST_NAME = 80;

/** Of names in words, the shortest that has all words of `name` and more: `EMAIL_OAUTH_CLIENT_ID` lacks only `TOKEN`. */
function withMoreWords(name: string, known: Iterable<string>): string | undefined {
  const words = name.toLowerCase().split('_');
  const having = [...known].filter((candidate) => {
    const all = candidate.toLowerCase().split('_');
    return words.length > 2 && words.every((word) => all.includes(word));
  });
  return having.toSorted((a, b) => a.length - b.length)[0];
}

/**
 * The nearest of `known`, or `undefined` where none is near.
 *
 * @param limit - letters that may differ; by default a third of the name, at least 2.
 */
export function nearest(name: string, known: Iterable<string>, limit?: number): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const wanted = bare(name);
  const most = limit ?? Math.max(2, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let fewest = most + 1;
  for (const candidate of known) {
    // A setting may be looked for outside of its section.
    const forms = [candidate, candidate.split('.').at(-1) ?? ''];
    const letters = Math.min(...forms.map((form) => distance(wanted, bare(form), most)));
    if (letters < fewest) [best, fewest] = [candidate, letters];
  }
  if (fewest <= 1) return best;
  const longer = withMoreWords(name, known);
  if (longer !== undefined) return longer;
  const synonym = Object.hasOwn(KNOWN_BY_OTHER_NAMES, wanted) ? KNOWN_BY_OTHER_NAMES[wanted] : undefined;
  for (const candidate of known) if (candidate === synonym || candidate.endsWith(`.${synonym}`)) return candidate;
  return best;
}

/** For the message of a finding. */
export function guess(name: string, known: Iterable<string>): string {
  const found = nearest(name, known);
  return found === undefined ? 'nothing similar is one' : `did you mean ${found}?`;
}
