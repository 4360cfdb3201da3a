/** The API described: for programs and for people. They may be read by anybody; they hold nothing of this installation. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { openApiDocument, type OpenApiDocument } from './openapi.ts';
import { problemSchema } from './problem.ts';
import { contentsOf, referenceBlocks } from './reference-content.ts';
import { PAGE_POLICY, referencePage } from './reference-page.ts';
import { json, route, type Route, type RouteDescription } from './route.ts';

const NOTHING = z.strictObject({});
/** It changes with the version alone. */
const KEPT = { 'cache-control': 'public, max-age=300' } as const;

function ownVersion(): string {
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  };
  return manifest.version;
}

/** The document of these routes, in the version of this package. */
export function documentOf(routes: readonly RouteDescription[]): OpenApiDocument {
  return openApiDocument(routes, problemSchema, ownVersion());
}

/** Makes a value when it is asked for the first time. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** The routes of the description; `routes` gives all that are described, these included. */
export function documentRoutes(routes: () => readonly RouteDescription[]): readonly Route[] {
  const same = { method: 'get', group: 'Documents', access: 'anybody', query: NOTHING } as const;
  const document = once(() => documentOf(routes()));
  const page = once(() => {
    const blocks = referenceBlocks(document());
    return referencePage(blocks, contentsOf(blocks));
  });
  return [
    route(
      {
        ...same,
        path: '/v1/openapi.json',
        name: 'getOpenApi',
        summary: 'Get the description for programs',
        answers: { 200: { description: 'An OpenAPI 3.1 document.', schema: z.looseObject({ openapi: z.string() }) } },
      },
      () => json(document(), 200, KEPT),
    ),
    route(
      {
        ...same,
        path: '/docs',
        name: 'getReference',
        summary: 'Read this reference',
        answers: { 200: { description: 'A page.', type: 'text/html' } },
      },
      () =>
        new Response(page(), {
          headers: { ...KEPT, 'content-type': 'text/html; charset=utf-8', 'content-security-policy': PAGE_POLICY },
        }),
    ),
  ];
}
