/** That many pieces behind gaps are kept at most. */
const MAX_PIECES = 32;

/** Which bytes of a stream have arrived before others, as distances from the first byte that is missing. */
export class Gaps {
  /** Apart from each other, in order. */
  #pieces: { start: number; end: number }[] = [];

  get isEmpty(): boolean {
    return this.#pieces.length === 0;
  }

  /** Notes a piece; false when there are too many. */
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

  /** The first missing byte is now that many further; returns how many more follow it that are here already. */
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
