/** `node scripts/webhooks-reference.ts`: writes `docs/reference/webhooks.md` from the table of events; a test compares the two. */
import { writeFileSync } from 'node:fs';
import { webhooksReference } from '../apps/server/src/monitoring/webhooks/reference.ts';

writeFileSync(new URL('../docs/reference/webhooks.md', import.meta.url), webhooksReference());
