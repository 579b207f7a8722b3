/** Burst size: as time at the full rate, and its minimum in bytes. */
const [BURST_SECONDS, MIN_BURST_BYTES] = [0.25, 16 * 1024];
/** Maximum chunk as time at the full rate, so that connections do not wait long for each other. */
const CHUNK_SECONDS = 0.05;
const MIN_CHUNK_BYTES = 1024;

/** A token bucket that limits a rate in bytes per second. */
export class TokenBucket {
  readonly #bytesPerSecond: number;
  readonly #now: () => number;
  readonly #burst: number;
  /** Negative if more was taken than available. */
  #tokens: number;
  #filledAt: number;

  /** @param now time of a monotonic clock, in milliseconds */
  constructor(bytesPerSecond: number, now: () => number = () => performance.now()) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#now = now;
    this.#burst = Math.max(MIN_BURST_BYTES, bytesPerSecond * BURST_SECONDS);
    this.#tokens = this.#burst;
    this.#filledAt = now();
  }

  /** Maximum number of bytes to forward at once. */
  get chunkBytes(): number {
    return Math.max(MIN_CHUNK_BYTES, Math.floor(this.#bytesPerSecond * CHUNK_SECONDS));
  }

  /** Takes `bytes` bytes, and returns how long the caller must pause, in ms. */
  take(bytes: number): number {
    this.#fill();
    this.#tokens -= bytes;
    return Math.max(0, -this.#tokens / this.#bytesPerSecond * 1000);
  }

  /** Takes `bytes` bytes unless the bucket is empty. Returns false if the caller must drop its data. */
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
