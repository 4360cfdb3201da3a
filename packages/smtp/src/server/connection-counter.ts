/** Counts connections, in all and by where they come from. */
import { isIPv6 } from 'node:net';

/**
 * What counts as one place: an IPv4 address, also one written as IPv6, or the /64 that an IPv6 host can usually choose its
 * addresses from.
 */
export function connectionKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail] = address.split('%', 1).join('').split('::', 2);
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0');
  const groups = tail === undefined ? before : [...before, ...zeros, ...after];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}

/** See the head of this file. */
export class ConnectionCounter {
  readonly #byKey = new Map<string, number>();
  #total = 0;

  /** How many are open. */
  get total(): number {
    return this.#total;
  }

  /** How many are open from one place. */
  from(key: string): number {
    return this.#byKey.get(key) ?? 0;
  }

  /** One more. */
  add(key: string): void {
    this.#total += 1;
    this.#byKey.set(key, this.from(key) + 1);
  }

  /** One less. */
  remove(key: string): void {
    this.#total -= 1;
    const left = this.from(key) - 1;
    if (left > 0) this.#byKey.set(key, left);
    else this.#byKey.delete(key);
  }
}
