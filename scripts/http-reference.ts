/** `node scripts/http-reference.ts`: writes `docs/reference/http-api.md` from the routes of the API; a test compares the two. */
import { writeFileSync } from 'node:fs';
import { httpReference } from '../apps/server/src/api/http/http-reference.ts';

writeFileSync(new URL('../docs/reference/http-api.md', import.meta.url), httpReference());
