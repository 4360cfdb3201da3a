/**
 * Settings in a Terraform variables file.
 *
 * Rule: the names of the guide (`email_server`) and those of the published module (`smtp_server`) have one rank. A file of this
 * kind holds the variables of a whole deployment, so only names that look like ours and are not are mentioned.
 */
import { guess } from './did-you-mean.ts';
import { DEFAULT_UPSTREAM, NOTHING, resolveRaw, settingAbout, type Collected, type Entry } from './entry.ts';
import { lineFinder } from './json-syntax.ts';
import { mistake, remark, WHOLE_FILE, type Place, type Source } from './place.ts';
import { LOG_LEVEL_KEY, LOG_LEVEL_SETTING, UPSTREAM_KEYS, UPSTREAM_SETTINGS } from './schema.ts';
import type { Finding } from './settings.ts';
import { parseTfvars, type TfvarsAttribute } from './tfvars-syntax.ts';
import type { RawValue } from './value.ts';

const ABOUT: ReadonlyMap<string, Entry['about']> = new Map([
  ...UPSTREAM_KEYS.flatMap((key) =>
    UPSTREAM_SETTINGS[key].tfvars.map((name): [string, Entry['about']] => [name, { upstream: DEFAULT_UPSTREAM, key }]),
  ),
  ...LOG_LEVEL_SETTING.tfvars.map((name): [string, Entry['about']] => [name, LOG_LEVEL_KEY]),
]);

const LOOKS_LIKE_OURS = /^(?:enable_)?e?mail_|^smtp_/i;

/** Reads settings from the text of a tfvars file without its byte order mark. Never throws. */
export function readTfvarsForm(text: string, source: Source): Collected {
  const { file, label } = source;
  const { attributes, problem } = parseTfvars(text);
  const lineOf = lineFinder(text);
  const placeAt = (key: string, offset: number): Place => {
    const line = lineOf(offset);
    return { key, label: `${label}:${line}`, line, form: 'tfvars', ...(file === undefined ? {} : { file }) };
  };
  const entries: Entry[] = [];
  const findings: Finding[] = [];
  const first = new Map<string, TfvarsAttribute>();
  for (const attribute of attributes) {
    const { name, offset, raw } = attribute;
    const place = placeAt(name, offset);
    const about = ABOUT.get(name);
    const earlier = first.get(name);
    first.set(name, earlier ?? attribute);
    if (earlier !== undefined) findings.push(mistake('CONFIG_DUPLICATE_KEY', place, { first: lineOf(earlier.offset) }));
    if (about !== undefined) entries.push({ about, rank: 'file', place, raw: resolved(raw, about, source) });
    else if (LOOKS_LIKE_OURS.test(name))
      findings.push(remark('CONFIG_UNKNOWN_KEY', place, { guess: guess(name, ABOUT.keys()) }));
  }
  if (problem !== undefined) findings.push(syntaxFinding(placeAt(WHOLE_FILE, problem.offset), problem.problem));
  return { ...NOTHING, entries, findings, isWhole: problem === undefined };
}

function resolved(raw: RawValue, about: Entry['about'], source: Source): RawValue {
  return resolveRaw(raw, settingAbout(about), (path) => source.resolvePath(path));
}

function syntaxFinding(place: Place, problem: string): Finding {
  const hint = 'each line holds NAME = VALUE, and texts stand in double quotes';
  return mistake('CONFIG_SYNTAX', place, { form: 'a Terraform variables file', problem, hint });
}
