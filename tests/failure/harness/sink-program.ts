/**
 * The sink: a local Microsoft 365 in a process of its own, which writes down each delivery before it answers it.
 *
 * `fork` it with the file to write to; it says where it is, and then does what it is asked.
 */
import { appendFileSync, writeFileSync } from 'node:fs';
import { startEmulator, type Emulator, type InjectedFault } from '@postbearer/emulator';
import { canaryTokenMark } from '../../setup/canaries.ts';
import { digestOf, type DeliveredLine } from './ledger.ts';
import { nameOf, OTHER_MAILBOX } from './messages.ts';

/** What a sink is asked. */
export type SinkRequest = { readonly number: number } & (
  | { readonly ask: 'fault'; readonly fault: InjectedFault }
  | { readonly ask: 'clear' }
  | { readonly ask: 'counters' }
  | { readonly ask: 'state'; readonly operation: 'expireSecret' | 'addSecret'; readonly argument: string }
  | { readonly ask: 'close' }
);

/** What a sink says. */
export type SinkWord =
  | { readonly ready: { readonly settings: object; readonly clientId: string; readonly mailbox: string } }
  | { readonly number: number; readonly answer: unknown };

function say(word: SinkWord): void {
  process.send?.(word);
}

function isSecret(value: unknown): value is { reveal(): string } {
  return typeof value === 'object' && value !== null && 'reveal' in value;
}

async function main(deliveredFile: string): Promise<void> {
  writeFileSync(deliveredFile, '', { flag: 'a' });
  const emulator: Emulator = await startEmulator({
    pace: Number.POSITIVE_INFINITY,
    limits: { recipientsPerDay: Number.MAX_SAFE_INTEGER },
    keepMessages: 10,
    tokenLifetimeSeconds: 3600,
    furtherClaims: { mark: canaryTokenMark },
    onEvent(event) {
      if (event.name !== 'emulator.message-received') return;
      const { bytes, envelope } = event.message;
      const header = Buffer.from(bytes).toString('latin1');
      const about = /^In-Reply-To: <([^@>]+)@ledger\.example>\r$/m.exec(header)?.[1];
      const line: DeliveredLine = {
        at: Date.now(),
        id: nameOf(bytes) ?? '',
        sha: digestOf(bytes),
        ...(about === undefined ? {} : { about }),
        messageId: /^Message-ID: (\S+)\r$/im.exec(header)?.[1] ?? '',
        sender: envelope.sender,
        recipients: envelope.recipients,
      };
      appendFileSync(deliveredFile, `${JSON.stringify(line)}\n`);
    },
  });
  const answer = async (request: SinkRequest): Promise<unknown> => {
    switch (request.ask) {
      case 'fault':
        return emulator.faults.add(request.fault);
      case 'clear':
        return emulator.faults.clear();
      case 'counters':
        return emulator.counters;
      case 'state': {
        const { operation, argument } = request;
        const given: unknown =
          operation === 'expireSecret' ? emulator.state.expireSecret(argument) : emulator.state.addSecret(argument);
        return isSecret(given) ? given.reveal() : undefined;
      }
      case 'close':
        await emulator.close();
        process.disconnect?.();
        return undefined;
    }
  };
  const reply = async (request: SinkRequest): Promise<void> => {
    const value = await answer(request);
    if (process.connected) say({ number: request.number, answer: value });
  };
  process.on('message', (request: SinkRequest) => void reply(request));
  process.on('disconnect', () => void emulator.close());
  const { tenantId, clientId, mailbox } = emulator.defaults;
  emulator.state.addMailbox(tenantId, { address: OTHER_MAILBOX });
  emulator.state.addMailboxPermission(clientId, OTHER_MAILBOX);
  say({ ready: { settings: emulator.settings(), clientId, mailbox } });
}

await main(process.argv[2] ?? '');
