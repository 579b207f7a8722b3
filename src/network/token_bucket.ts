/** What may be used up at once after a pause, as time of the rate, and at least, in bytes. */
const [BURST_SECONDS, MIN_BURST_BYTES] = [0.25, 16 * 1024];
/** So much of a second's bytes is carried at once at most, so that nobody waits long for others. */
const CHUNK_SECONDS = 0.05;
const MIN_CHUNK_BYTES = 1024;

/** Limits a rate of bytes: they are taken from a bucket that fills at that rate. */
export class TokenBucket {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  readonly #burst: number;
  /** Below 0: what was taken in advance. */
  #tokens: number;
  #filledAt: number;

  /** @param now in milliseconds, of a clock that never goes back */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#burst = Math.max(MIN_BURST_BYTES, bytesPerSecond * BURST_SECONDS);
    this.#tokens = this.#burst;
    this.#filledAt = now();
  }

  /** How much is to be carried at once, at most. */
  get chunkBytes(): number {
    return Math.max(MIN_CHUNK_BYTES, Math.floor(this.#bytesPerSecond * CHUNK_SECONDS));
  }

  /** Takes so many bytes, and returns how long the caller is to pause, in ms. */
  take(bytes: number): number {
    this.#fill();
    this.#tokens -= bytes;
    return Math.max(0, -this.#tokens / this.#bytesPerSecond * 1000);
  }

  /** Takes so many bytes if there are any; false when what they were for is to be dropped. */
  tryTake(bytes: number): boolean {
    this.#fill();
    if (this.#tokens <= 0) return false;
    this.#tokens -= bytes;
    return true;
  }

  #fill(): void {
    const now = this.#now();
    const filled = this.#tokens + (now - this.#filledAt) / 1000 * this.#bytesPerSecond;
    this.#tokens = Math.min(this.#burst, filled);
    this.#filledAt = now;
  }
}
