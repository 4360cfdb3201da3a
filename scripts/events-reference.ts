/** `node scripts/events-reference.ts`: writes `docs/reference/events.md` from the events; a test compares the two. */
import { writeFileSync } from 'node:fs';
import { eventsReference } from '../packages/core/src/index.ts';

writeFileSync(new URL('../docs/reference/events.md', import.meta.url), eventsReference());
