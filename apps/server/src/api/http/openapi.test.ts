import { readFileSync } from 'node:fs';
import { systemClock } from '@postbearer/core';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createApi, describedRoutes } from './api.ts';
import { documentOf } from './document-routes.ts';
import { httpReference } from './http-reference.ts';
import type { OpenApiDocument } from './openapi.ts';
import type { ApiParts } from './parts.ts';
import { contentsOf, referenceBlocks } from './reference-content.ts';
import { PAGE_POLICY, referencePage } from './reference-page.ts';

/** Describing needs nothing of what the routes work with. */
const parts = { clock: systemClock } as ApiParts;
const document = documentOf(describedRoutes(parts));

/** What stands in no reference: the private protocol of the command line. */
const PRIVATE = 'POST /control/{operation}';

function described({ paths }: OpenApiDocument): string[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
}

function registered(): string[] {
  return createApi(parts).registered.map(({ method, path }) => `${method} ${path.replaceAll(/:([a-z]+)/g, '{$1}')}`);
}

describe('the OpenAPI document', () => {
  test('holds every route of the router, and no other', () => {
    const known = registered().filter((route) => route !== PRIVATE);
    expect(described(document).toSorted()).toEqual(known.toSorted());
    expect(known.length).toBeGreaterThan(20);
  });

  test('would be caught without one of them', () => {
    const routes = describedRoutes(parts).slice(1);
    expect(described(documentOf(routes)).toSorted()).not.toEqual(registered().toSorted());
  });

  test('refers to nothing that it does not hold, and holds nothing that nobody refers to', () => {
    const text = JSON.stringify(document);
    const referred = new Set([...text.matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name ?? ''));
    expect([...referred].toSorted()).toEqual(Object.keys(document.components.schemas).toSorted());
    expect(text).not.toMatch(/\$defs|"\$id"|"id":"[A-Z]/);
  });

  test('has schemas that a reader of JSON Schema understands, each with a description', () => {
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      const alone = JSON.stringify({ ...schema, $defs: document.components.schemas }).replaceAll(
        '#/components/schemas/',
        '#/$defs/',
      );
      expect(() => z.fromJSONSchema(JSON.parse(alone) as never), name).not.toThrow();
      expect(schema.description, name).toMatch(/\S/);
    }
  });

  test('says of every route what it needs, and what it answers', () => {
    const names = new Set<string>();
    for (const [path, methods] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        names.add(operation.operationId);
        expect(operation.description, path).toMatch(/Needs (?:no key|a key of the scope)/);
        expect(
          Object.keys(operation.responses).some((status) => status.startsWith('2')),
          path,
        ).toBe(true);
        const variable = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const named = operation.parameters.filter((each) => each.in === 'path').map(({ name }) => name);
        expect(named, path).toEqual(variable);
        for (const { name, description } of operation.parameters) expect(description, `${path} ${name}`).toMatch(/\S/);
        expect(operation.requestBody === undefined, path).toBe(method !== 'post' || path.includes('{id}'));
      }
    }
    expect(names.size).toBe(described(document).length);
  });
});

describe('the reference', () => {
  test('is what the routes say (node scripts/http-reference.ts writes it)', () => {
    const page = readFileSync(new URL('../../../../../docs/reference/http-api.md', import.meta.url), 'utf8');
    expect(page).toBe(httpReference());
  });

  test('is a page without a script, without another host, and with a policy that allows nothing but its style', () => {
    const blocks = referenceBlocks(document);
    const page = referencePage(blocks, contentsOf(blocks));
    expect(page).not.toMatch(/<script|<img|<link|<iframe|<form|\son\w+=|javascript:|@import|url\(/i);
    const targets = [...page.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, target]) => target ?? '');
    expect(targets.every((target) => target.startsWith('#'))).toBe(true);
    const anchors = new Set([...page.matchAll(/ id="([^"]*)"/g)].map(([, anchor]) => anchor ?? ''));
    for (const target of targets) expect(anchors, target).toContain(target.slice(1));
    expect(PAGE_POLICY).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; base-uri 'none';/);
  });

  test('explains every code that a problem document points to', () => {
    const anchors = new Set(referenceBlocks(document).flatMap((block) => ('anchor' in block ? [block.anchor] : [])));
    for (const code of ['SERVICE_FIELDS_INVALID', 'ACCESS_KEY_WRONG', 'QUEUE_KEY_REUSED', 'MESSAGE_NO_RECIPIENT'])
      expect(anchors).toContain(code);
  });

  test('shows text of others as text', () => {
    const page = referencePage([{ kind: 'paragraph', text: 'a <b> & `<c>` "d"' }], []);
    expect(page).toContain('<p>a &lt;b&gt; &amp; <code>&lt;c&gt;</code> &quot;d&quot;</p>');
  });
});
