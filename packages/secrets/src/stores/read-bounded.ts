/** Reads a small file without trusting that it is small. */
import { open } from 'node:fs/promises';

/** Reads the file at `path`; throws as `fs.readFile` does. May stop after `maxBytes`. */
export type ReadFile = (path: string, maxBytes: number) => Promise<Uint8Array>;

/** The first `maxBytes` of a file. Also reads a pipe to its end, as the shell gives one with `<(…)`. */
export async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  await using file = await open(path, 'r');
  const buffer = Buffer.alloc(maxBytes);
  let filled = 0;
  while (filled < maxBytes) {
    const { bytesRead } = await file.read(buffer, filled, maxBytes - filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
