/** `node scripts/settings-reference.ts`: writes `docs/reference/settings.md` from the table of settings; a test compares the two. */
import { writeFileSync } from 'node:fs';
import { settingsReference } from '../packages/settings/src/index.ts';

writeFileSync(new URL('../docs/reference/settings.md', import.meta.url), settingsReference());
