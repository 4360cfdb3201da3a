/** `node scripts/metrics-reference.ts`: writes `docs/reference/metrics.md` from the table of metrics; a test compares the two. */
import { writeFileSync } from 'node:fs';
import { metricsReference } from '../apps/server/src/monitoring/metric-table.ts';

writeFileSync(new URL('../docs/reference/metrics.md', import.meta.url), metricsReference());
