/** The reference as Markdown, for the repository. */
import type { Block } from './reference-content.ts';

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ');
}

function blockText(block: Block): string {
  switch (block.kind) {
    case 'heading':
      return `${'#'.repeat(block.level)} ${block.text}`;
    case 'paragraph':
      return block.text;
    case 'code':
      return `\`\`\`${block.text.startsWith('{') ? 'json' : 'sh'}\n${block.text}\n\`\`\``;
    case 'endpoint':
      return `\`${block.method} ${block.path}\``;
    case 'table': {
      const lines = [block.head, block.head.map(() => '---'), ...block.rows.map((row) => row.map(cell))];
      return lines.map((line) => `| ${line.join(' | ')} |`).join('\n');
    }
  }
}

/** The reference as one Markdown page. */
export function referenceMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(blockText).join('\n\n')}\n`;
}
