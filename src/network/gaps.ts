/** Maximum number of separate pieces. */
const MAX_PIECES = 32;

/** Tracks the bytes of a stream that arrived out of order, as offsets from the first missing byte. */
export class Gaps {
  /** Disjoint, in ascending order. */
  #pieces: { start: number; end: number }[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Records a piece. Returns false if there are too many. */
  add(start: number, end: number): boolean {
    const merged = { start, end };
    const apart = this.#pieces.filter((piece) => {
      if (piece.end < start || piece.start > end) return true;
      merged.start = Math.min(merged.start, piece.start);
      merged.end = Math.max(merged.end, piece.end);
      return false;
    });
    if (apart.length >= MAX_PIECES) return false;
    this.#pieces = [...apart, merged].sort((a, b) => a.start - b.start);
    return true;
  }

  /** Moves the first missing byte by `count`. Returns the number of recorded bytes that directly follow. */
  advance(count: number): number {
    if (this.#pieces.length === 0) return 0;
    let reached = count;
    for (const { start, end } of this.#pieces) {
      if (start > reached) break;
      reached = Math.max(reached, end);
    }
    this.#pieces = this.#pieces.filter(({ end }) => end > reached)
      .map(({ start, end }) => ({ start: start - reached, end: end - reached }));
    return reached - count;
  }
}
