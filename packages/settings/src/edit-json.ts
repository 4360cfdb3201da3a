/**
 * Changes one value in JSON text and leaves every other byte as it is.
 *
 * Rule: the new text is the old one with one piece put in, taken out or replaced. A value is replaced where it stands. A new
 * member comes last in its object, laid out like the member before it: on a line of its own where that one has one. A member is
 * taken out with one comma and the blanks before it. Nothing else is laid out anew.
 */
import { findNodeAtLocation, type Node } from 'jsonc-parser';
import { parseJson } from './json-syntax.ts';

/** A value that JSON can hold as one piece. */
export type JsonValue = string | boolean | number | readonly JsonValue[] | { readonly [name: string]: JsonValue };

interface Span {
  readonly from: number;
  readonly to: number;
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}

/** On one line, with a blank where people put one. */
function inline(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map((item: JsonValue) => inline(item)).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, member]) => `${JSON.stringify(name)}: ${inline(member)}`)
    .join(', ')}}`;
}

/** How one text is laid out. */
class Layout {
  readonly #text: string;
  readonly #break: string;
  readonly #unit: string;

  constructor(text: string) {
    this.#text = text;
    this.#break = /\r\n|\n|\r/.exec(text)?.[0] ?? '\n';
    // The first line that begins with blanks has the indentation of one level.
    this.#unit = /^[ \t]+(?=")/m.exec(text)?.[0] ?? '  ';
  }

  /** The blanks before a place, back to what stands there. */
  blanksBefore(offset: number): Span {
    return { from: this.#text.slice(0, offset).trimEnd().length, to: offset };
  }

  /** The blanks that the line of a place begins with. */
  indentationAt(offset: number): string {
    const line =
      this.#text
        .slice(0, offset)
        .split(/[\r\n]/)
        .at(-1) ?? '';
    return /^[ \t]*/.exec(line)?.[0] ?? '';
  }

  /** What to put where so that an object has one member more. */
  insertion(object: Node, member: (indentation: string) => string): { readonly at: number; readonly piece: string } {
    const last = object.children?.at(-1);
    if (last === undefined) return this.#firstMember(object, member);
    const { from, to } = this.blanksBefore(last.offset);
    const blanks = this.#text.slice(from, to);
    const line = /(?:\r\n|\n|\r)([ \t]*)$/.exec(blanks);
    if (line !== null) return { at: endOf(last), piece: `,${line[0]}${member(line[1] ?? '')}` };
    const isOnly = object.children?.length === 1;
    return { at: endOf(last), piece: `,${isOnly ? ' ' : blanks}${member(this.indentationAt(last.offset))}` };
  }

  #firstMember(object: Node, member: (indentation: string) => string): { at: number; piece: string } {
    const at = object.offset + 1;
    const outer = this.indentationAt(object.offset);
    const hasBreak = /[\r\n]/.test(this.#text.slice(at, endOf(object)));
    const piece = `${this.#break}${outer}${this.#unit}${member(outer + this.#unit)}`;
    return { at, piece: hasBreak ? piece : `${piece}${this.#break}${outer}` };
  }

  /** Sections around a value, each on lines of its own. */
  nest(names: readonly string[], value: string, indentation: string): string {
    const [name, ...others] = names;
    if (name === undefined) return value;
    const inner = indentation + this.#unit;
    const member = `${JSON.stringify(name)}: ${this.nest(others, value, inner)}`;
    return `{${this.#break}${inner}${member}${this.#break}${indentation}}`;
  }
}

/** The last node on the way of a path that is there, and what is left of the path. */
function walk(root: Node, path: readonly string[]): { readonly node: Node; readonly rest: readonly string[] } {
  let node = root;
  for (const [index, name] of path.entries()) {
    const next = node.type === 'object' ? findNodeAtLocation(node, [name]) : undefined;
    if (next === undefined) return { node, rest: path.slice(index) };
    node = next;
  }
  return { node, rest: [] };
}

function replaced(text: string, { from, to }: Span, piece: string): string {
  return text.slice(0, from) + piece + text.slice(to);
}

/** What goes with a member: the comma that parts it from its neighbour, and the blanks before it. */
function spanOfMember(text: string, layout: Layout, member: Node): Span {
  const siblings = member.parent?.children ?? [];
  const index = siblings.indexOf(member);
  const before = siblings[index - 1];
  if (before !== undefined) return { from: endOf(before), to: endOf(member) };
  const { from } = layout.blanksBefore(member.offset);
  const end = endOf(member);
  return { from, to: siblings.length === 1 ? end : text.indexOf(',', end) + 1 };
}

/**
 * The text with one value set, or removed where `value` is `undefined`. The text has to be JSON without a key written twice.
 *
 * @returns `undefined` where a part of the path is there and no object; null counts as no section.
 */
export function editJson(text: string, path: readonly string[], value: JsonValue | undefined): string | undefined {
  const { root } = parseJson(text);
  if (root === undefined) return undefined;
  const layout = new Layout(text);
  const { node, rest } = walk(root, path);
  if (value === undefined) {
    if (rest.length > 0 || node.parent === undefined) return text;
    return replaced(text, spanOfMember(text, layout, node.parent), '');
  }
  const [name = '', ...sections] = rest;
  if (rest.length === 0 || node.type === 'null') {
    const piece = layout.nest(rest, inline(value), layout.indentationAt(node.offset));
    return replaced(text, { from: node.offset, to: endOf(node) }, piece);
  }
  if (node.type !== 'object') return undefined;
  const { at, piece } = layout.insertion(
    node,
    (indentation) => `${JSON.stringify(name)}: ${layout.nest(sections, inline(value), indentation)}`,
  );
  return replaced(text, { from: at, to: at }, piece);
}
