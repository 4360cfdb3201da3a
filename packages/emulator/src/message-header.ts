/** The few things of a message's header that the emulator looks at: who it is from, its id and its subject. */

const LONGEST_HEADER_BYTES = 256 * 1024;

/** The values of all fields called `name`, unfolded, in order. */
export function headerFields(bytes: Uint8Array, name: string): readonly string[] {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, LONGEST_HEADER_BYTES)).toString(
    'utf8',
  );
  const end = text.search(/\r?\n\r?\n/);
  const lines = (end < 0 ? text : text.slice(0, end)).replaceAll(/\r?\n(?=[ \t])/g, '').split(/\r?\n/);
  const prefix = `${name.toLowerCase()}:`;
  return lines.filter((line) => line.toLowerCase().startsWith(prefix)).map((line) => line.slice(prefix.length).trim());
}

function decodeWord(charset: string, encoding: string, text: string): string {
  const bytes =
    encoding.toLowerCase() === 'b'
      ? Buffer.from(text, 'base64')
      : Buffer.from(
          text
            .replaceAll('_', ' ')
            .replaceAll(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16))),
          'latin1',
        );
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('utf8');
  }
}

/** A field for people: encoded words (RFC 2047) decoded. */
export function readableField(field: string): string {
  return field
    .replaceAll(/(\?=)\s+(?==\?)/g, '$1')
    .replaceAll(
      /=\?([\w-]+)(?:\*[\w-]*)?\?([BbQq])\?([^?\s]*)\?=/g,
      (_, charset: string, encoding: string, text: string) => decodeWord(charset, encoding, text),
    );
}
