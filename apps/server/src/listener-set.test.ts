import { failure, success, type Fault, type Result } from '@postbearer/core';
import { smtpServerFaults } from '@postbearer/smtp/server';
import { describe, expect, it } from 'vitest';
import { ListenerSet, type ListenerPlace, type OpenListener } from './listener-set.ts';

interface Settings {
  readonly name: string;
  /** Ports whose listeners cannot take these settings. */
  readonly refusedBy?: readonly number[];
}

/** Ports of an imagined machine: each has one listener at a time. */
class Machine {
  readonly taken = new Set<number>();
  readonly events: string[] = [];
  readonly faults: Fault[] = [];
  readonly set: ListenerSet<ListenerPlace, Settings, number> = new ListenerSet<ListenerPlace, Settings, number>({
    open: async (place, settings) => await this.#open(place, settings),
    isTaken: ({ code }) => code === 'SMTP_LISTEN_ADDRESS_IN_USE',
    onFault: (fault) => this.faults.push(fault),
    graceMs: 5,
  });

  async change(settings: Settings, ...places: readonly ListenerPlace[]): Promise<string> {
    const prepared = await this.set.prepare(places, settings);
    if (!prepared.ok) return prepared.fault.code;
    await prepared.value.commit();
    return 'done';
  }

  async #open({ port, security }: ListenerPlace, settings: Settings): Promise<Result<OpenListener<Settings, number>>> {
    await Promise.resolve();
    const values = { host: '', port, detail: '' };
    if (this.taken.has(port)) return failure(smtpServerFaults.make('SMTP_LISTEN_ADDRESS_IN_USE', values));
    this.taken.add(port);
    this.events.push(`open ${port} ${security} ${settings.name}`);
    return success({
      address: port,
      prepare: async (next) => {
        await Promise.resolve();
        if (next.refusedBy?.includes(port) === true)
          return failure(smtpServerFaults.make('SMTP_LISTEN_NOT_PERMITTED', values));
        return success({
          commit: () => void this.events.push(`change ${port} ${next.name}`),
          abandon: () => void this.events.push(`keep ${port} ${settings.name}`),
        });
      },
      close: async (graceMs) => {
        this.taken.delete(port);
        this.events.push(`close ${port} ${graceMs}`);
        await Promise.resolve();
      },
    });
  }
}

const tls = (port: number): ListenerPlace => ({ port, security: 'tls' });
const plain = (port: number): ListenerPlace => ({ port, security: 'plain' });

describe('a set of listeners', () => {
  it('opens what is new, changes what stays, closes what is gone', async () => {
    const machine = new Machine();
    expect(await machine.change({ name: 'a' }, tls(1), tls(2))).toBe('done');
    expect(await machine.change({ name: 'b' }, tls(2), tls(3))).toBe('done');
    expect(machine.events).toEqual(['open 1 tls a', 'open 2 tls a', 'open 3 tls b', 'close 1 5', 'change 2 b']);
    expect(machine.set.addresses).toEqual([2, 3]);
    await machine.set.close(7);
    expect(machine.events.slice(-2)).toEqual(['close 2 7', 'close 3 7']);
    expect(machine.set.addresses).toEqual([]);
  });

  it('changes nothing where one cannot be opened, or one that stays cannot follow', async () => {
    const machine = new Machine();
    await machine.change({ name: 'a' }, tls(1), tls(2));
    machine.taken.add(9);
    machine.events.length = 0;
    expect(await machine.change({ name: 'b' }, tls(1), tls(3), tls(9))).toBe('SMTP_LISTEN_ADDRESS_IN_USE');
    expect(machine.events).toEqual(['open 3 tls b', 'keep 1 a', 'close 3 0']);
    machine.events.length = 0;
    expect(await machine.change({ name: 'b', refusedBy: [2] }, tls(1), tls(2))).toBe('SMTP_LISTEN_NOT_PERMITTED');
    expect(machine.events).toEqual(['keep 1 a']);
    expect(machine.set.addresses).toEqual([1, 2]);
  });

  it('takes over a port from one of its own, and says where that did not work', async () => {
    const machine = new Machine();
    await machine.change({ name: 'a' }, tls(1));
    expect(await machine.change({ name: 'b' }, plain(1), tls(2))).toBe('done');
    expect(machine.events).toEqual(['open 1 tls a', 'open 2 tls b', 'close 1 5', 'open 1 plain b']);
    expect(machine.set.addresses).toEqual([1, 2]);
    const prepared = await machine.set.prepare([tls(1), tls(2)], { name: 'c' });
    // Somebody else is quicker.
    const add = machine.taken.delete.bind(machine.taken);
    machine.taken.delete = (port) => {
      add(port);
      machine.taken.add(port);
      return true;
    };
    if (prepared.ok) await prepared.value.commit();
    expect(machine.faults.map(({ code }) => code)).toEqual(['SMTP_LISTEN_ADDRESS_IN_USE']);
    expect(machine.set.addresses).toEqual([2]);
  });

  it('tells two listeners at port 0 apart', async () => {
    const machine = new Machine();
    const any = { port: 0, security: 'tls' };
    const openBoth = machine.change({ name: 'a' }, any);
    await openBoth;
    machine.taken.delete(0);
    await machine.change({ name: 'b' }, any, any);
    expect(machine.events).toEqual(['open 0 tls a', 'open 0 tls b', 'change 0 b']);
  });
});
