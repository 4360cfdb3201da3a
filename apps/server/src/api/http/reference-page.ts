/**
 * The reference as a page that the service shows itself.
 *
 * The rules of this file: everything is in the one document, without a script, a picture or another host; the policy that goes
 * with it allows exactly its own style (by its digest), so that nothing else could be loaded even if it stood there.
 */
import { createHash } from 'node:crypto';
import type { Block, Contents } from './reference-content.ts';

const STYLE = `
:root{color-scheme:light dark;--ink:#1c2430;--soft:#5b6676;--line:#dfe4ea;--paper:#fff;--side:#f6f8fa;--mark:#0b62c4;--code:#f2f4f7;--get:#0b62c4;--post:#16794a;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#e3e8ee;--soft:#9aa6b4;--line:#2c3540;--paper:#12171d;--side:#171d24;--mark:#7ab7ff;--code:#1c242d;--get:#3d8be8;--post:#2c9c67;--delete:#dd5a50}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;color:var(--ink);background:var(--paper);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;display:grid;grid-template-columns:18rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow-y:auto;background:var(--side);border-right:1px solid var(--line);padding:1.25rem 1rem;font-size:.875rem}
nav p{margin:1.1rem 0 .3rem;font-weight:600}
nav ul{list-style:none;margin:0;padding:0}
nav li{break-inside:avoid}
nav li a{display:block}
nav li a,nav summary{padding:.16rem .5rem;border-radius:.3rem;overflow-wrap:anywhere}
nav li a{color:var(--soft);text-decoration:none}
nav li a:hover{background:var(--line);color:var(--ink)}
nav summary{cursor:pointer;font-weight:600;padding-left:0;margin-top:.8rem}
nav .home{font-size:1.05rem;font-weight:700;color:var(--ink);text-decoration:none}
main{padding:2rem clamp(1.25rem,4vw,4rem) 5rem;max-width:64rem}
h1{font-size:2rem;line-height:1.2;margin:.2rem 0 1rem}
h2{font-size:1.45rem;margin:3.2rem 0 .6rem;padding-bottom:.35rem;border-bottom:1px solid var(--line)}
h3{font-size:1.08rem;margin:2.4rem 0 .5rem}
h2 a,h3 a{color:inherit;text-decoration:none}
h2 a:hover,h3 a:hover{text-decoration:underline;text-decoration-color:var(--soft)}
:target{background:color-mix(in srgb,var(--mark) 12%,transparent)}
a{color:var(--mark)}
a:focus-visible,summary:focus-visible,pre:focus-visible,div.table:focus-visible{outline:2px solid var(--mark);outline-offset:2px}
p{margin:.6rem 0;max-width:46rem}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875em}
code{background:var(--code);padding:.1em .32em;border-radius:.25rem;overflow-wrap:anywhere}
pre{background:var(--code);border:1px solid var(--line);border-radius:.5rem;padding:.9rem 1rem;overflow-x:auto;line-height:1.45}
td code{overflow-wrap:normal}
pre code{background:none;padding:0;font-size:1em}
.endpoint{display:flex;gap:.6rem;align-items:center;margin:.4rem 0 .8rem}
.endpoint code{font-size:.95rem;font-weight:600}
.method{color:#fff;font:700 .75rem/1 ui-monospace,Menlo,Consolas,monospace;padding:.32rem .5rem;border-radius:.3rem;letter-spacing:.02em}
.get{background:var(--get)}.post{background:var(--post)}.delete{background:var(--delete)}
div.table{overflow-x:auto;margin:.8rem 0 1rem}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th{text-align:left;color:var(--soft);font-weight:600;border-bottom:1px solid var(--line);padding:.35rem .9rem .35rem 0;white-space:nowrap}
td{border-bottom:1px solid var(--line);padding:.45rem .9rem .45rem 0;vertical-align:top}
td:first-child{white-space:nowrap}
@media(max-width:56rem){body{display:block}nav{position:static;height:auto;border-right:0;border-bottom:1px solid var(--line)}nav ul{columns:2}td:first-child{white-space:normal}}
@media print{body{display:block}nav{display:none}}
`;

/** What a browser may do with the page: use its own style, and nothing else. */
export const PAGE_POLICY: string = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
}

/** What stands in backticks as code; the name of a schema leads to it. */
function inline(text: string, schemas: ReadonlySet<string>): string {
  return text
    .split('`')
    .map((part, index) => {
      if (index % 2 === 0) return escaped(part);
      const code = `<code>${escaped(part)}</code>`;
      return schemas.has(part) ? `<a href="#schema-${escaped(part)}">${code}</a>` : code;
    })
    .join('');
}

function tableHtml(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  schemas: ReadonlySet<string>,
): string {
  const titles = head.map((title) => `<th scope="col">${escaped(title)}</th>`).join('');
  const lines = rows.map((row) => `<tr>${row.map((cell) => `<td>${inline(cell, schemas)}</td>`).join('')}</tr>`);
  return `<div class="table" tabindex="0" role="region" aria-label="Table"><table><thead><tr>${titles}</tr></thead><tbody>${lines.join('')}</tbody></table></div>`;
}

function blockHtml(block: Block, schemas: ReadonlySet<string>): string {
  switch (block.kind) {
    case 'heading': {
      const { level, text, anchor } = block;
      const title = inline(text, new Set());
      return level === 1
        ? `<h1 id="${escaped(anchor)}">${title}</h1>`
        : `<h${level} id="${escaped(anchor)}"><a href="#${escaped(anchor)}">${title}</a></h${level}>`;
    }
    case 'paragraph':
      return `<p>${inline(block.text, schemas)}</p>`;
    case 'code':
      return `<pre tabindex="0"><code>${escaped(block.text)}</code></pre>`;
    case 'endpoint':
      return `<div class="endpoint"><span class="method ${block.method.toLowerCase()}">${block.method}</span><code>${escaped(block.path)}</code></div>`;
    case 'table':
      return tableHtml(block.head, block.rows, schemas);
  }
}

/** Sections that are looked things up in, not read: their entries are folded. */
const FOLDED: ReadonlySet<string> = new Set(['schemas', 'problems']);

function contentsHtml({ name, anchor, entries }: Contents): string {
  const links = entries.map((each) => `<li><a href="#${escaped(each.anchor)}">${escaped(each.name)}</a></li>`).join('');
  if (FOLDED.has(anchor)) return `<details><summary>${escaped(name)}</summary><ul>${links}</ul></details>`;
  if (entries.length === 0) return `<ul><li><a href="#${escaped(anchor)}">${escaped(name)}</a></li></ul>`;
  return `<p>${escaped(name)}</p><ul>${links}</ul>`;
}

/** The page. */
export function referencePage(blocks: readonly Block[], contents: readonly Contents[]): string {
  const schemas = new Set(
    contents.filter(({ anchor }) => anchor === 'schemas').flatMap(({ entries }) => entries.map(({ name }) => name)),
  );
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>Postbearer HTTP API</title>',
    `<style>${STYLE}</style></head><body>`,
    `<nav aria-label="Contents"><a class="home" href="#top">Postbearer HTTP API</a>${contents.map(contentsHtml).join('')}</nav>`,
    `<main>${blocks.map((block) => blockHtml(block, schemas)).join('\n')}</main></body></html>\n`,
  ].join('');
}
