/** A service between a client and an upstream that does what a test says, while time passes as the test says. */
import { testMessage } from './messages.ts';
import { RawUpstream } from './raw-upstream.ts';
import type { Service, ServiceOptions } from './service.ts';
import { submitOnce, World } from './world.ts';

/** Longer than the first wait of a message that was deferred: 5 to 6 minutes. */
export const NEXT_TRY_MS: number = 6.5 * 60_000;

/** All of them, gone together. */
export interface Surroundings extends AsyncDisposable {
  readonly world: World;
  readonly upstream: RawUpstream;
  readonly service: Service;
}

/** Starts all of them. */
export async function surroundings(
  options: Omit<ServiceOptions, 'sink' | 'folder' | 'smtp'> = {},
): Promise<Surroundings> {
  await using stack = new AsyncDisposableStack();
  const world = stack.use(await World.make());
  const upstream = stack.use(await RawUpstream.start(world.ledger, world.folder));
  const service = world.service({ hasMovableClock: true, smtp: upstream.smtpSettings(world.sink), ...options });
  // The service goes first: it holds connections to the upstream.
  stack.defer(async () => await service.kill());
  await service.start();
  const held = stack.move();
  return { world, upstream, service, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** Hands a message in that must be taken. */
export async function handIn({ world, service }: Surroundings, id: string, bytes = 3000): Promise<void> {
  const reply = await submitOnce(service.smtpPort, testMessage(id, bytes), world.ledger);
  if (reply?.code !== 250) throw new Error(`${id} was not taken: ${reply?.text ?? 'the line broke'}`);
}
