/**
 * The content of one message, made ready to be written.
 *
 * Content in memory is looked at whole before the envelope is sent: wrong line endings never reach the server. Content that
 * is read while it is sent is looked at as it comes; where it turns out wrong, the connection is dropped before the end of
 * the message, so that the server cannot take any of it. Its first 64 KB are read ahead as far as the end of the header, to
 * know whether the header needs SMTPUTF8.
 *
 * Bytes go out unchanged but for the doubled dots of RFC 5321 section 4.5.2. Where the last line has no CR LF, the one that
 * belongs to the end mark completes it, and the same CR LF is sent with BDAT.
 */
import { Buffer, isAscii } from 'node:buffer';
import { failure, success, type Fault, type MessageContent, type MessageSource, type Result } from '@postbearer/core';
import { ContentScanner, type BareEnding } from './content-scan.ts';
import type { ContentFacts } from './envelope-commands.ts';
import { clientFaults } from './faults.ts';

/** Content that was looked at. */
export interface CheckedBytes {
  readonly kind: 'bytes';
  readonly facts: ContentFacts;
  readonly bytes: Uint8Array;
  readonly hasDots: boolean;
  /** Whether the last line has its CR LF. */
  readonly isComplete: boolean;
}

/** Content of which only the beginning was looked at. */
export interface OpenedSource {
  readonly kind: 'source';
  readonly facts: ContentFacts;
  /** What was read ahead. */
  readonly ahead: readonly Uint8Array[];
  readonly rest: AsyncIterator<Uint8Array>;
}

/** Content that is ready. */
export type ReadyContent = CheckedBytes | OpenedSource;

const CRLF_LENGTH = 2;
const MOST_READ_AHEAD = 65_536;
const HEADER_END = Buffer.from('\r\n\r\n');

/** The fault of a wrong line ending. */
export function bareEndingFault(bare: BareEnding): Fault {
  return clientFaults.make('MESSAGE_BARE_LINE_ENDING', { line: bare.line, ending: bare.ending });
}

/** The header of a message: everything before the first empty line. */
function headerOf(bytes: Uint8Array): Uint8Array {
  const end = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(HEADER_END);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Looks at content in memory. */
export function checkBytes(bytes: Uint8Array): Result<CheckedBytes> {
  const scanner = new ContentScanner();
  const hasDots = scanner.scan(bytes);
  const bare = scanner.end();
  if (bare !== undefined) return failure(bareEndingFault(bare));
  const isComplete = scanner.isAtLineStart;
  return success({
    kind: 'bytes',
    bytes,
    hasDots,
    isComplete,
    facts: {
      sizeBytes: bytes.length + (isComplete ? 0 : CRLF_LENGTH),
      eightBit: scanner.isEightBit,
      isHeaderEightBit: scanner.isEightBit && !isAscii(headerOf(bytes)),
    },
  });
}

/**
 * Begins to read a source, as far as its header.
 *
 * @throws what the source throws, and `signal.reason` when the caller cancels.
 */
export async function openSource(source: MessageSource, signal?: AbortSignal): Promise<OpenedSource> {
  const rest = source.open()[Symbol.asyncIterator]();
  const ahead: Uint8Array[] = [];
  let length = 0;
  let header: Uint8Array = new Uint8Array();
  while (length < MOST_READ_AHEAD) {
    const next = await orCancelled(rest, signal);
    if (next.done === true) break;
    ahead.push(next.value);
    length += next.value.length;
    header = headerOf(Buffer.concat(ahead));
    if (header.length < length) break;
  }
  return {
    kind: 'source',
    ahead,
    rest,
    facts: { sizeBytes: source.sizeBytes, eightBit: 'unknown', isHeaderEightBit: !isAscii(header) },
  };
}

/** The next piece, or the caller's reason not to wait for it. */
async function orCancelled(
  source: AsyncIterator<Uint8Array>,
  signal: AbortSignal | undefined,
): Promise<IteratorResult<Uint8Array>> {
  if (signal === undefined) return source.next();
  const cancelled = Promise.withResolvers<never>();
  const onAbort = (): void => cancelled.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([source.next(), cancelled.promise]);
  } catch (error) {
    // A source that hangs does not come to its end, so its end is not waited for.
    if (signal.aborted) void source.return?.();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Whether content is in memory. */
export function isInMemory(content: MessageContent): content is Uint8Array {
  return content instanceof Uint8Array;
}

/** Closes a source, whether it was read to its end or not. What it throws at its end no longer matters. */
export function leaveContent(content: ReadyContent): void {
  if (content.kind === 'source') content.rest.return?.().then(undefined, () => {});
}
