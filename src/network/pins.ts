import type { IpAddress } from "./ip.ts";

/** Maximum number of remembered addresses, and of names for each. */
const [MAX_ADDRESSES, MAX_NAMES] = [4096, 64];
const [MIN_SECONDS, MAX_SECONDS] = [30, 3600];

/** Remembers which names resolved to an address, for the TTL of the answers. Rules by name allow these addresses. */
export class Pins {
  readonly #names = new Map<IpAddress, Map<string, number>>();
  readonly #now: () => number;

  /** @param now in milliseconds */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(address: IpAddress, name: string, seconds: number): void {
    const names = this.#names.get(address) ?? new Map<string, number>();
    const held = Math.max(MIN_SECONDS, Math.min(MAX_SECONDS, seconds)) * 1000;
    names.delete(name);
    names.set(name, this.#now() + held);
    if (names.size > MAX_NAMES) names.delete(names.keys().next().value!);
    // Move the address to the end: the least recently resolved address is dropped first.
    this.#names.delete(address);
    this.#names.set(address, names);
    if (this.#names.size > MAX_ADDRESSES) this.#names.delete(this.#names.keys().next().value!);
  }

  /** Returns the names that currently resolve to the address. */
  namesOf(address: IpAddress): string[] {
    const now = this.#now();
    return [...this.#names.get(address) ?? []].filter(([, until]) => until > now).map(([name]) => name);
  }
}
