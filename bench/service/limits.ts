/** What the machine can do at all: the disk, and the client in C straight to the sink. */
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Ground } from './ground.ts';

/** How often a second something can be on disk. */
export interface DiskLimit {
  readonly sizeBytes: number;
  readonly perSecond: number;
}

/** Appends and flushes for two seconds. */
function flushes(folder: string, sizeBytes: number): DiskLimit {
  const file = join(folder, 'flushed');
  const descriptor = openSync(file, 'w');
  const bytes = new Uint8Array(sizeBytes).fill(7);
  const begun = performance.now();
  let count = 0;
  for (; performance.now() - begun < 2000; count += 1) {
    writeSync(descriptor, bytes);
    fdatasyncSync(descriptor);
  }
  const perSecond = count / ((performance.now() - begun) / 1000);
  closeSync(descriptor);
  rmSync(file);
  return { sizeBytes, perSecond };
}

/** The limits of a run. */
export interface Limits {
  readonly disk: readonly DiskLimit[];
  /** Messages a second of the client in C on as many connections; absent without it. */
  readonly sinkAlone: readonly { readonly connections: number; readonly perSecond: number | undefined }[];
}

/** Measures them. */
export async function measureLimits({ workshop, sink }: Ground, messages: number): Promise<Limits> {
  const disk = [4096, 10_240, 131_072].map((sizeBytes) => flushes(workshop.folder, sizeBytes));
  const sinkAlone: { connections: number; perSecond: number | undefined }[] = [];
  for (const connections of [3, 20]) {
    await sink.reset();
    const perSecond = workshop.machineLimit(sink, { connections, messages, sizeBytes: 10_240 });
    sinkAlone.push({ connections, perSecond });
  }
  await sink.reset();
  return { disk, sinkAlone };
}
