/** The reference of the API as the repository keeps it: `docs/reference/http-api.md`. */
import { describedRoutes } from './api.ts';
import { documentOf } from './document-routes.ts';
import type { ApiParts } from './parts.ts';
import { referenceBlocks } from './reference-content.ts';
import { referenceMarkdown } from './reference-markdown.ts';

/** The whole page. */
export function httpReference(): string {
  // Describing a route uses nothing of what it works with.
  const routes = describedRoutes({} as ApiParts);
  return referenceMarkdown(referenceBlocks(documentOf(routes)));
}
