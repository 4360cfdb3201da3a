/** Mailboxes beside the user of each upstream: `postbearer.mailboxes.ADDRESS`. */
import { parseMailboxAddress, type MailboxAddress } from '@postbearer/core';
import { guess } from './did-you-mean.ts';
import { DEFAULT_UPSTREAM, type Placed, type RawMailbox } from './entry.ts';
import { mistake, withExample, wrongValue, type Place } from './place.ts';
import type { PACE_KEYS, Setting } from './schema.ts';
import type { EffectiveValue, Finding, MailboxSettings, Pace } from './settings.ts';
import { mayShow, shown } from './shown.ts';
import { parseValue } from './value.ts';

type PaceKey = keyof typeof PACE_KEYS;

const ADDRESS: Setting = {
  type: 'address',
  environment: [],
  tfvars: [],
  description: '',
  example: 'alerts@contoso.com',
};
const NAME: Setting = { type: 'text', environment: [], tfvars: [], description: '', example: DEFAULT_UPSTREAM };
const MOST = 1_000_000;

function refuse(place: Place, expected: string, found: string, example: string): Finding {
  return wrongValue(place, expected, found, withExample(expected, example));
}

function readOne(placed: Placed, setting: Setting, findings: Finding[]): string | undefined {
  const parsed = parseValue(placed.raw, setting);
  if (parsed.kind === 'text') return parsed.text;
  if (parsed.kind === 'refused') findings.push(wrongValue(placed.place, parsed.expected, parsed.found, parsed.advice));
  else findings.push(refuse(placed.place, 'a text', 'empty', setting.example));
  return undefined;
}

function readPace(raw: RawMailbox['pace'], findings: Finding[]): Pace | undefined {
  const pace: Partial<Record<PaceKey, number>> = {};
  for (const [key, placed] of raw) {
    const number = placed.raw.kind === 'number' ? placed.raw.number : 0;
    if (Number.isInteger(number) && number >= 1 && number <= MOST) pace[key] = number;
    else findings.push(refuse(placed.place, `a whole number from 1 to ${MOST}`, 'something else', '10'));
  }
  return raw.size === 0 ? undefined : pace;
}

function readUpstream(raw: RawMailbox, upstreams: ReadonlySet<string>, findings: Finding[]): string {
  if (raw.upstream === undefined && upstreams.has(DEFAULT_UPSTREAM)) return DEFAULT_UPSTREAM;
  const placed = raw.upstream ?? { place: raw.place, raw: { kind: 'text', text: DEFAULT_UPSTREAM } };
  const name = readOne(placed, NAME, findings);
  if (name !== undefined && !upstreams.has(name))
    findings.push(
      mistake('CONFIG_UPSTREAM_UNKNOWN', placed.place, {
        upstream: mayShow(name) ? `"${name}"` : `(${shown(name)})`,
        guess: guess(name, upstreams),
      }),
    );
  return name ?? DEFAULT_UPSTREAM;
}

/** Mailboxes equal but for letter case; those equal in case as well are a finding of the JSON reader. */
function writtenTwice(raws: readonly RawMailbox[]): Finding[] {
  const first = new Map<string, RawMailbox>();
  return raws.flatMap((raw) => {
    const address = raw.address.toLowerCase();
    const earlier = first.get(address);
    if (earlier === undefined) first.set(address, raw);
    if (earlier === undefined || earlier.address === raw.address) return [];
    return [mistake('CONFIG_MAILBOX_TWICE', raw.place, { other: earlier.place.key })];
  });
}

/** Reads and checks the mailboxes of a file. */
export function buildMailboxes(
  raws: readonly RawMailbox[],
  upstreams: ReadonlySet<string>,
  findings: Finding[],
): ReadonlyMap<string, MailboxSettings> {
  const mailboxes = new Map<string, MailboxSettings>();
  findings.push(...writtenTwice(raws));
  for (const raw of raws) {
    if (!parseMailboxAddress(raw.address).ok) {
      findings.push(refuse(raw.place, 'named by a mail address', 'named otherwise', ADDRESS.example));
      continue;
    }
    const from = raw.from.map((placed) => readOne(placed, ADDRESS, findings)).filter((text) => text !== undefined);
    const pace = readPace(raw.pace, findings);
    mailboxes.set(raw.address, {
      upstream: readUpstream(raw, upstreams, findings),
      from: from as MailboxAddress[],
      ...(pace === undefined ? {} : { pace }),
    });
  }
  return mailboxes;
}

/** The same for people and for conversion. */
export function mailboxValues(
  mailboxes: ReadonlyMap<string, MailboxSettings>,
  raws: readonly RawMailbox[],
): EffectiveValue[] {
  return raws.flatMap((raw) => {
    const mailbox = mailboxes.get(raw.address);
    if (mailbox === undefined) return [];
    const path = ['postbearer', 'mailboxes', raw.address];
    const given = (name: string, value: string, source: string): EffectiveValue => ({
      key: [...path, name].join('.'),
      path: [...path, ...name.split('.')],
      value,
      source,
      origin: 'given',
      isSecret: false,
    });
    const upstream = raw.upstream?.place.label;
    return [
      {
        ...given('upstream', mailbox.upstream, upstream ?? 'default'),
        origin: upstream === undefined ? 'default' : 'given',
      },
      ...(mailbox.from.length === 0 ? [] : [given('from', mailbox.from.join(', '), raw.from[0]?.place.label ?? '')]),
      ...[...raw.pace].map(([key, { place }]) => given(`pace.${key}`, String(mailbox.pace?.[key] ?? ''), place.label)),
    ] satisfies EffectiveValue[];
  });
}
