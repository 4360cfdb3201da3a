/**
 * R01: the service is killed at each named point of its work, started again, and the ledger compared.
 *
 * One message in each cell, so that a second copy can be told from the only reason that allows one. A client that heard no
 * 250 hands its message in again, as every client does. The windows in which a second copy may arise:
 * W1, the commit is done and the 250 not heard; W2, the upstream has the message and that is not committed.
 */
import { submitByHttp } from './http-client.ts';
import type { Ledger } from './ledger.ts';
import { testMessage, type TestMessage } from './messages.ts';
import type { Service } from './service.ts';
import { report } from './rows.ts';
import { eventually, submitOnce, World } from './world.ts';

/** Where a service is killed. */
export interface Cell {
  readonly point: string;
  /** At which passage; the first where it is left out. */
  readonly count?: number;
  /** The message that is under way: within one batch, beyond it, or one that the upstream refuses for good. */
  readonly message?: 'small' | 'large' | 'refused';
  /**
   * While it works, with its first message after a start, while it starts on what a killed run left, while it stops; or from outside:
   * by the client, after so many pieces of 64 kB or when it hears the confirmation.
   */
  readonly when?: 'work' | 'cold' | 'start' | 'stop' | 'outside';
  /** The window that allows one second copy. */
  readonly window?: 'W1' | 'W2';
}

/** Hands a message in; gives whether a confirmation was heard. `afterPieces` is called once so many pieces of 64 kB were sent. */
export type HandIn = (
  service: Service,
  message: TestMessage,
  ledger: Ledger,
  afterPieces?: (pieces: number) => void,
) => Promise<boolean>;

const LARGE_BYTES = 300_000;
const DIES_WITHIN_MS = 12_000;

const SENT = 'the client sent 64 kB';
const CONFIRMED = 'the client heard it confirmed';

const INTAKE: readonly Cell[] = [
  { point: 'accept:before' },
  { point: 'commit:before', window: 'W1' },
  { point: 'commit:after', window: 'W1' },
  { point: 'accept:after', window: 'W1' },
  { point: 'message.queued', window: 'W1' },
  { point: 'confirm:before', window: 'W1' },
  { point: 'pieces:before', message: 'large' },
  { point: 'pieces:after', message: 'large' },
  { point: 'accept:before', message: 'large' },
  { point: 'accept:after', message: 'large', window: 'W1' },
  { point: 'confirm:before', message: 'large', window: 'W1' },
  ...[1, 2, 3, 4].map((count): Cell => ({ point: SENT, count, message: 'large', when: 'outside' })),
  { point: CONFIRMED, when: 'outside', window: 'W2' },
  { point: CONFIRMED, message: 'large', when: 'outside', window: 'W2' },
];

const DELIVERY: readonly Cell[] = [
  { point: 'lease:before', window: 'W1' },
  { point: 'lease:after', window: 'W1' },
  { point: 'send:before', window: 'W1' },
  { point: 'token.acquired', when: 'cold' },
  { point: 'heard 220', when: 'cold' },
  { point: 'said EHLO', when: 'cold' },
  { point: 'said STARTTLS', when: 'cold' },
  { point: 'heard 220 2.0.0', when: 'cold' },
  { point: 'said EHLO', count: 2, when: 'cold' },
  { point: 'smtp.connected', when: 'cold' },
  { point: 'said AUTH', when: 'cold' },
  { point: 'heard 334', when: 'cold' },
  { point: 'said [SECRET]', when: 'cold' },
  { point: 'heard 235 2.7.0', when: 'cold' },
  { point: 'smtp.authenticated', when: 'cold' },
  { point: 'said MAIL' },
  { point: 'said RCPT' },
  { point: 'heard 250 2.1.0' },
  { point: 'heard 250 2.1.5' },
  { point: 'said BDAT', window: 'W2' },
  { point: 'heard 250 2.0.0', window: 'W2' },
  { point: 'message.accepted', window: 'W2' },
  { point: 'send:after', window: 'W2' },
  { point: 'settle:before', window: 'W2' },
  { point: 'settle:after' },
  { point: 'message.settled' },
  { point: 'said DATA', message: 'large' },
  { point: 'heard 354', message: 'large' },
  { point: 'body:piece', message: 'large' },
  { point: 'body:piece', count: 2, message: 'large' },
  { point: 'body:piece', count: 3, message: 'large' },
  { point: 'body:piece', count: 4, message: 'large' },
  { point: 'body:piece', count: 5, message: 'large', window: 'W2' },
  { point: 'heard 250 2.0.0', message: 'large', window: 'W2' },
  { point: 'settle:after', message: 'large' },
];

const NOTICES: readonly Cell[] = [
  { point: 'notice:before', message: 'refused' },
  { point: 'notice:after', message: 'refused' },
  { point: 'settle:after', message: 'refused' },
  { point: 'message.settled', message: 'refused' },
];

/** What a new start does with what a killed one left. */
const START: readonly Cell[] = [
  { point: 'register:before', when: 'start' },
  { point: 'commit:after', when: 'start' },
  { point: 'register:after', when: 'start' },
  { point: 'clear-half:before', when: 'start' },
  { point: 'clear-half:after', when: 'start' },
  { point: 'recover:before', when: 'start' },
  { point: 'recover:after', when: 'start' },
  // What was taken back is being sent meanwhile.
  { point: 'service.listening', when: 'start', window: 'W2' },
  { point: 'purge-bodies:before', when: 'start', window: 'W2' },
  { point: 'purge-bodies:after', when: 'start', window: 'W2' },
  { point: 'purge-records:after', when: 'start', window: 'W2' },
  { point: 'purge-keys:after', when: 'start', window: 'W2' },
];

const STOP: readonly Cell[] = [{ point: 'said QUIT', when: 'stop' }];

/** SQLite alone copies its log back. */
const CHECKPOINT: readonly Cell[] = [
  { point: 'checkpoint:before', when: 'start' },
  { point: 'checkpoint:after', when: 'start' },
];

/** The cells for a database. */
function cellsFor(database: 'sqlite' | 'postgresql'): readonly Cell[] {
  return [...INTAKE, ...DELIVERY, ...NOTICES, ...STOP, ...START, ...(database === 'sqlite' ? CHECKPOINT : [])];
}

/** A cell in words. */
function nameOfCell({ point, count = 1, message = 'small', when = 'work' }: Cell): string {
  return `${when} ${message} ${point}${count === 1 ? '' : ` #${count}`}`;
}

/** What was found in a cell: a complaint, or nothing. */
export interface CellEnd {
  readonly cell: Cell;
  readonly id: string;
  readonly complaints: readonly string[];
}

/** Runs cells one after the other on one data folder. */
export class KillMatrix {
  readonly #world: World;
  readonly #service: Service;
  readonly #handIn: HandIn;
  readonly #prefix: string;
  #messages = 0;

  constructor(world: World, service: Service, handIn: HandIn, prefix: string) {
    this.#world = world;
    this.#service = service;
    this.#handIn = handIn;
    this.#prefix = prefix;
  }

  /** Runs one cell and judges it. */
  async run(cell: Cell): Promise<CellEnd> {
    this.#messages += 1;
    const id = `${this.#prefix}${this.#messages}`;
    const message = testMessage(id, cell.message === 'large' ? LARGE_BYTES : 2000);
    const { sink } = this.#world;
    if (cell.message === 'refused')
      await sink.fault({ stage: 'rcpt', times: 1, action: { kind: 'reply', text: '550 5.1.1 User unknown' } });
    const wasKilled = await this.#killAround(cell, message);
    await sink.clear();
    this.#service.killAt();
    if (this.#service.hasEnded) await this.#service.start();
    const open = await this.#service.drain();
    return { cell, id, complaints: this.#complaints(cell, id, wasKilled, open.length) };
  }

  async #killAround({ point, count, when = 'work' }: Cell, message: TestMessage): Promise<boolean> {
    const service = this.#service;
    if (when === 'start') {
      service.killAt('send:before');
      await this.#submit(message);
      await service.ended();
      service.killAt(point, count);
      await service.start();
      return await this.#dies();
    }
    if (when === 'stop') {
      await this.#submit(message);
      await service.drain();
      service.killAt(point, count);
      service.signal('SIGTERM');
      return await this.#dies();
    }
    if (when === 'cold') {
      await service.kill();
      await service.start();
    }
    if (when === 'outside') {
      if (point === SENT) this.#killAfterPieces = count;
      await this.#submit(message);
      if (point === CONFIRMED) service.signal('SIGKILL');
      return await this.#dies();
    }
    service.killAt(point, count);
    await this.#submit(message);
    return await this.#dies();
  }

  /** Hands it in until that is confirmed. The order to kill is for the first time alone. */
  async #submit(message: TestMessage): Promise<void> {
    const afterPieces = (pieces: number): void => {
      if (pieces !== this.#killAfterPieces) return;
      this.#killAfterPieces = undefined;
      this.#service.signal('SIGKILL');
    };
    while (!(await this.#handIn(this.#service, message, this.#world.ledger, afterPieces))) {
      await this.#service.ended();
      this.#service.killAt();
      await this.#service.start();
      this.#killedEarly = true;
    }
  }

  /** Whether the process died before the message was confirmed, so that it runs again already. */
  #killedEarly = false;
  #killAfterPieces: number | undefined;

  async #dies(): Promise<boolean> {
    if (this.#killedEarly) {
      this.#killedEarly = false;
      return true;
    }
    const died = await eventually(() => this.#service.hasEnded, DIES_WITHIN_MS);
    return died && this.#service.ending === 'SIGKILL';
  }

  #complaints({ window, message }: Cell, id: string, wasKilled: boolean, open: number): string[] {
    const lines = this.#world.ledger.delivered.filter((line) => line.id === id);
    const notices = this.#world.ledger.delivered.filter((line) => line.about === id);
    const isTold = message === 'refused' && notices.length > 0;
    const sha = this.#world.ledger.accepted.find((line) => line.id === id)?.sha;
    return [
      ...(wasKilled ? [] : ['was not killed there']),
      ...(open > 0 ? [`${open} messages stay in the queue`] : []),
      ...(lines.length === 0 && !isTold ? ['lost'] : []),
      ...(lines.some((line) => line.sha !== sha) ? ['altered'] : []),
      ...(new Set(lines.map(({ messageId }) => messageId)).size > 1 ? ['copies with different Message-IDs'] : []),
      ...(lines.length > (window === undefined ? 1 : 2) ? [`${lines.length} copies`] : []),
      ...(notices.length > 1 && lines.length > 0 ? ['told of and delivered'] : []),
    ];
  }
}

/** Hands in by SMTP. */
export const bySmtp: HandIn = async (service, message, ledger, afterPieces) => {
  const reply = await submitOnce(service.smtpPort, message, ledger, { afterPieces });
  return reply?.code === 250;
};

/** Hands in by HTTP. */
export const byHttp: HandIn = async (service, message, ledger, afterPieces) => {
  const reply = await submitByHttp(service, message, ledger, { afterPieces });
  return reply?.status === 202;
};

/** Cells that were not as they must be, in words. */
export function complaintsOf(ends: readonly CellEnd[]): string[] {
  return ends.flatMap(({ cell, complaints }) =>
    complaints.length === 0 ? [] : [`${nameOfCell(cell)}: ${complaints.join(', ')}`],
  );
}

/** One way in on one database. */
export interface MatrixPlan {
  readonly intake: 'SMTP' | 'HTTP';
  readonly handIn: HandIn;
  readonly database: 'sqlite' | 'postgresql';
  readonly databaseUrl?: string;
}

/** Runs every cell of a plan, reports the row, and gives the complaints. */
export async function runMatrix({ intake, handIn, database, databaseUrl }: MatrixPlan): Promise<string[]> {
  await using world = await World.make();
  const service = world.service({
    service: { queue: { retention: { bodyDays: 0 } } },
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
  });
  await service.start();
  const matrix = new KillMatrix(world, service, handIn, `${intake}-${database}-`.toLowerCase());
  const ends: CellEnd[] = [];
  for (const cell of cellsFor(database)) ends.push(await matrix.run(cell));
  await service.stop();
  const { accepted, lost, doubled, altered } = world.ledger.verdict();
  report({
    row: 'R01',
    what: `kill -9 at named points, ${intake} intake, ${database}`,
    n: ends.length,
    accepted,
    lost: lost.length,
    doubled: doubled.size,
    altered: altered.length,
  });
  return [...complaintsOf(ends), ...lost.map((id) => `${id} is lost`), ...altered.map((id) => `${id} is altered`)];
}
