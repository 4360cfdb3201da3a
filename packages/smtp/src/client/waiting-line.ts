/** Messages that wait for a connection, first come, first served; leaving and taking are quick however long the line is. */

/** Compact once this much of the array is behind the head. */
const COMPACT_AT = 1024;

/** A line of waiting things. */
export class WaitingLine<T extends object> {
  #items: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Joins at the end. */
  push(item: T): void {
    this.#items.push(item);
    this.#length += 1;
  }

  /** Joins at the front: it had been served and has to be served again. */
  unshift(item: T): void {
    if (this.#head > 0) {
      this.#head -= 1;
      this.#items[this.#head] = item;
    } else {
      this.#items.unshift(item);
    }
    this.#length += 1;
  }

  /** Takes the first; `undefined` where nobody waits. */
  shift(): T | undefined {
    while (this.#head < this.#items.length) {
      const item = this.#items[this.#head];
      this.#items[this.#head] = undefined;
      this.#head += 1;
      if (item === undefined) continue;
      this.#length -= 1;
      if (this.#head >= COMPACT_AT && this.#head * 2 >= this.#items.length) {
        this.#items = this.#items.slice(this.#head);
        this.#head = 0;
      }
      return item;
    }
    this.#items = [];
    this.#head = 0;
    return undefined;
  }

  /** Leaves the line; returns whether it was in it. */
  remove(item: T): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index < 0) return false;
    this.#items[index] = undefined;
    this.#length -= 1;
    return true;
  }

  /** Takes all. */
  drain(): T[] {
    const all = this.#items.slice(this.#head).filter((item) => item !== undefined);
    this.#items = [];
    this.#head = 0;
    this.#length = 0;
    return all;
  }
}
