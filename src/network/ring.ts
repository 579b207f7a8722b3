/** Memory that the buffers of all connections share. */
export class Budget {
  readonly #limit: number;
  #used = 0;

  /** @param limit in bytes */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get used(): number {
    return this.#used;
  }

  /** Takes that many bytes, if they are there. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  /** Takes that many bytes, whether they are there or not. */
  overdraw(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

const FIRST_BYTES = 4 * 1024;
const EMPTY = new Uint8Array(0);

/**
 * A queue of bytes that grows up to a limit, as far as the budget goes. Its first few KiB are always there, so that no
 * connection starves.
 */
export class Ring {
  readonly #budget: Budget;
  readonly #limit: number;
  #memory: Uint8Array<ArrayBuffer> = EMPTY;
  #head = 0;
  #length = 0;
  /** Where what was placed after a gap ends, at least the length. */
  #extent = 0;

  /** @param limit in bytes, a power of two */
  constructor(budget: Budget, limit: number) {
    this.#budget = budget;
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** How many more bytes fit, if the budget has them. */
  get room(): number {
    return this.#limit - this.#length;
  }

  /** Adds bytes and returns how many of them fitted. */
  push(bytes: Uint8Array): number {
    while (this.#memory.length - this.#length < bytes.length && this.#grow());
    const count = Math.min(bytes.length, this.#memory.length - this.#length);
    const tail = (this.#head + this.#length) % (this.#memory.length || 1);
    const first = Math.min(count, this.#memory.length - tail);
    this.#memory.set(bytes.subarray(0, first), tail);
    this.#memory.set(bytes.subarray(first, count), 0);
    this.commit(count);
    return count;
  }

  /** Writes bytes behind a gap, to be counted once that is filled; false when there is no memory for them. */
  place(offset: number, bytes: Uint8Array): boolean {
    const end = offset + bytes.length;
    while (this.#memory.length < end && this.#grow());
    if (this.#memory.length < end) return false;
    const start = (this.#head + offset) % this.#memory.length;
    const first = Math.min(bytes.length, this.#memory.length - start);
    this.#memory.set(bytes.subarray(0, first), start);
    this.#memory.set(bytes.subarray(first), 0);
    this.#extent = Math.max(this.#extent, end);
    return true;
  }

  /** Free memory to be written to, and then committed before anything else is added; empty when there is none. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#memory.length - this.#length <= this.#memory.length >> 1) this.#grow();
    if (this.#length === 0) this.#head = 0;
    const tail = (this.#head + this.#length) % (this.#memory.length || 1);
    return this.#memory.subarray(tail, Math.min(this.#memory.length, tail + this.#memory.length - this.#length));
  }

  /** Adds that many bytes, which were written to {@linkcode space} or placed. */
  commit(count: number): void {
    this.#length += count;
    this.#extent = Math.max(this.#extent, this.#length);
  }

  /** The first bytes, as many as lie in a row. */
  peek(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(this.#head, Math.min(this.#memory.length, this.#head + this.#length));
  }

  /** Removes the first bytes. */
  consume(count: number): void {
    this.#length -= count;
    this.#extent -= count;
    this.#head = (this.#head + count) % (this.#memory.length || 1);
  }

  /** Copies bytes from the middle. */
  copy(offset: number, count: number, target: Uint8Array, at: number): void {
    const start = (this.#head + offset) % (this.#memory.length || 1);
    const first = Math.min(count, this.#memory.length - start);
    target.set(this.#memory.subarray(start, start + first), at);
    if (first < count) target.set(this.#memory.subarray(0, count - first), at + first);
  }

  /** Gives its memory back, with what is in it. */
  free(): void {
    this.#budget.give(this.#memory.length);
    this.#memory = EMPTY;
    this.#head = 0;
    this.#length = 0;
    this.#extent = 0;
  }

  /** Moves to larger memory; what was taken of the old one stays readable. */
  #grow(): boolean {
    const before = this.#memory.length;
    const after = before === 0 ? FIRST_BYTES : Math.min(before * 4, this.#limit);
    if (after <= before) return false;
    if (!this.#budget.take(after - before)) {
      if (before > 0) return false;
      this.#budget.overdraw(after);
    }
    const memory = new Uint8Array(after);
    this.copy(0, this.#extent, memory, 0);
    this.#memory = memory;
    this.#head = 0;
    return true;
  }
}
