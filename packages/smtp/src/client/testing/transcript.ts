/**
 * A server that follows a transcript.
 *
 * ```text
 * S: 220 mx.example.com ready
 * C: EHLO client.example.com
 * S: 250 mx.example.com
 * ```
 *
 * `S:` lines are said, `C:` lines are expected byte for byte, both with CR LF. Further steps: `TLS` encrypts, `CUT` closes at
 * once, `END` closes after what was said. Consecutive lines of one side are one step, so that a client that sends more
 * than is expected before the server's turn is noticed at the next step.
 */
import { Buffer } from 'node:buffer';
import type { SecureContextOptions } from 'node:tls';
import { servePeers, type Peer, type PeerServer } from './peer-server.ts';

type Step = { readonly kind: 'say' | 'expect'; readonly text: string } | { readonly kind: 'tls' | 'cut' | 'end' };

/** How the server's bytes arrive. */
export type Delivery = 'one byte at a time' | 'all at once';

/** Both ways; every transcript is played with each. */
export const DELIVERIES: readonly Delivery[] = ['one byte at a time', 'all at once'];

const MARKS: Readonly<Record<string, Step>> = { TLS: { kind: 'tls' }, CUT: { kind: 'cut' }, END: { kind: 'end' } };

function parseTranscript(transcript: string): Step[] {
  const steps: Step[] = [];
  for (const raw of transcript.split('\n')) {
    const line = raw.trimStart();
    if (line.trim() === '') continue;
    const mark = MARKS[line.trim()];
    if (mark !== undefined) {
      steps.push(mark);
      continue;
    }
    const kind = line.startsWith('S:') ? 'say' : line.startsWith('C:') ? 'expect' : undefined;
    if (kind === undefined) throw new Error(`Not a line of a transcript: ${line}`);
    const text = `${line.slice(3)}\r\n`;
    const last = steps.at(-1);
    if (last?.kind === kind) steps[steps.length - 1] = { kind, text: last.text + text };
    else steps.push({ kind, text });
  }
  return steps;
}

async function play(peer: Peer, steps: readonly Step[], delivery: Delivery, tls: SecureContextOptions): Promise<void> {
  for (const step of steps) {
    switch (step.kind) {
      case 'say':
        if (delivery === 'all at once') peer.say(step.text);
        else await peer.sayByByte(step.text);
        break;
      case 'expect': {
        const heard = (await peer.bytes(Buffer.byteLength(step.text))).toString('utf8');
        if (heard !== step.text)
          throw new Error(`Expected ${JSON.stringify(step.text)}, heard ${JSON.stringify(heard)}`);
        break;
      }
      case 'tls':
        if (!(await peer.encrypt(tls))) throw new Error('The client did not encrypt');
        break;
      case 'cut':
        return peer.cut();
      case 'end':
        return peer.end();
    }
  }
  await peer.over();
}

/** Starts a server that follows one transcript for each connection, in order. */
export function serveTranscripts(
  transcripts: readonly string[],
  options: { readonly delivery: Delivery; readonly tls?: SecureContextOptions },
): Promise<PeerServer> {
  const parsed = transcripts.map(parseTranscript);
  return servePeers((peer, index) => {
    const steps = parsed[index];
    if (steps === undefined) throw new Error('More connections than transcripts');
    return play(peer, steps, options.delivery, options.tls ?? {});
  });
}
