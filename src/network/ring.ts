/** Limits the memory that the buffers of all connections use together. */
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

  /** Takes `bytes` bytes and returns true, or returns false if that would exceed the limit. */
  take(bytes: number): boolean {
    if (this.#used + bytes > this.#limit) return false;
    this.#used += bytes;
    return true;
  }

  /** Takes `bytes` bytes even if that exceeds the limit. */
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
 * A ring buffer that grows up to a limit, as far as the budget allows. The budget never refuses the first few KiB, so
 * that no connection starves.
 */
export class Ring {
  readonly #budget: Budget;
  readonly #limit: number;
  #memory: Uint8Array<ArrayBuffer> = EMPTY;
  #head = 0;
  #length = 0;
  /** End of the bytes that were placed after a gap; at least the length. */
  #extent = 0;

  /** @param limit in bytes, a power of two */
  constructor(budget: Budget, limit: number) {
    this.#budget = budget;
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** How many more bytes fit, if the budget allows. */
  get room(): number {
    return this.#limit - this.#length;
  }

  /** Appends as many bytes as fit, and returns their number. */
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

  /**
   * Writes bytes after a gap; the caller commits them once the gap is filled. Returns false if there is no memory for
   * them.
   */
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

  /** Returns free memory to write to, or an empty array. The caller must commit it before it adds anything else. */
  space(): Uint8Array<ArrayBuffer> {
    if (this.#memory.length - this.#length <= this.#memory.length >> 1) this.#grow();
    if (this.#length === 0) this.#head = 0;
    const tail = (this.#head + this.#length) % (this.#memory.length || 1);
    return this.#memory.subarray(tail, Math.min(this.#memory.length, tail + this.#memory.length - this.#length));
  }

  /** Appends `count` bytes that were written to {@linkcode space} or placed. */
  commit(count: number): void {
    this.#length += count;
    this.#extent = Math.max(this.#extent, this.#length);
  }

  /** Returns the first bytes, up to the end of the contiguous memory. */
  peek(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(this.#head, Math.min(this.#memory.length, this.#head + this.#length));
  }

  /** Removes the first bytes. */
  consume(count: number): void {
    this.#length -= count;
    this.#extent -= count;
    this.#head = (this.#head + count) % (this.#memory.length || 1);
  }

  /** Copies `count` bytes at `offset` to `target`. */
  copy(offset: number, count: number, target: Uint8Array, at: number): void {
    const start = (this.#head + offset) % (this.#memory.length || 1);
    const first = Math.min(count, this.#memory.length - start);
    target.set(this.#memory.subarray(start, start + first), at);
    if (first < count) target.set(this.#memory.subarray(0, count - first), at + first);
  }

  /** Frees the memory and discards its content. */
  free(): void {
    this.#budget.give(this.#memory.length);
    this.#memory = EMPTY;
    this.#head = 0;
    this.#length = 0;
    this.#extent = 0;
  }

  /** Moves to larger memory. Arrays that callers got from the old memory stay readable. */
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
