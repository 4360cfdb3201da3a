/**
 * Writes the few DER forms that a certificate is made of (ITU-T X.690).
 *
 * Only writing: reading foreign certificates is left to Node's `X509Certificate`.
 */

const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

function tagged(tag: number, content: Uint8Array): Buffer {
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.of(tag, size), content]);
  const digits: number[] = [];
  for (let rest = size; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Buffer.concat([Buffer.of(tag, 0x80 + digits.length, ...digits), content]);
}

/** SEQUENCE of the parts, in order. */
export function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(TAG.sequence, Buffer.concat(parts));
}

/** SET with one part; more would have to be sorted. */
export function setOf(part: Uint8Array): Buffer {
  return tagged(TAG.set, part);
}

/** INTEGER, never negative, from its bytes, highest first. */
export function integer(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const shortest = bytes.subarray(start);
  // A leading bit of 1 would make the number negative.
  return tagged(TAG.integer, (shortest[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), shortest]) : shortest);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const digits = [arc % 128];
    for (let more = Math.floor(arc / 128); more > 0; more = Math.floor(more / 128)) digits.unshift((more % 128) + 0x80);
    bytes.push(...digits);
  }
  return tagged(TAG.objectIdentifier, Buffer.from(bytes));
}

/** BOOLEAN true. */
export const TRUE: Buffer = Buffer.of(0x01, 0x01, 0xff);

/** NULL. */
export const NULL: Buffer = tagged(TAG.null, Buffer.alloc(0));

/** UTF8String. */
export function utf8String(text: string): Buffer {
  return tagged(TAG.utf8String, Buffer.from(text, 'utf8'));
}

/** OCTET STRING. */
export function octetString(content: Uint8Array): Buffer {
  return tagged(TAG.octetString, content);
}

/** BIT STRING whose last byte leaves `unusedBits` unused. */
export function bitString(content: Uint8Array, unusedBits = 0): Buffer {
  return tagged(TAG.bitString, Buffer.concat([Buffer.of(unusedBits), content]));
}

/** A part under a context tag: `constructed` around other parts, else with bare content. */
export function contextTag(number: number, content: Uint8Array, options?: { readonly constructed: boolean }): Buffer {
  return tagged((options?.constructed === true ? 0xa0 : 0x80) + number, content);
}

/** A time: UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). @param at - milliseconds since 1970. */
export function time(at: number): Buffer {
  const iso = new Date(at).toISOString();
  const digits = `${iso.slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
  const year = Number(iso.slice(0, 4));
  return year >= 1950 && year < 2050
    ? tagged(TAG.utcTime, Buffer.from(digits.slice(2), 'ascii'))
    : tagged(TAG.generalizedTime, Buffer.from(digits, 'ascii'));
}
