/** Memory to sum, with views of it as 16-bit and 32-bit words. The buffer's length must be a multiple of 4. */
export class SummedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #halves: Uint16Array;
  readonly #words: Uint32Array;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.#halves = new Uint16Array(buffer);
    this.#words = new Uint32Array(buffer);
  }

  /**
   * Returns the one's complement sum (RFC 1071) of a range of bytes plus an earlier sum. The words are little-endian,
   * so the checksum must be stored as little-endian too. Every part except the last must have an even length.
   */
  sum(start: number, length: number, earlier = 0): number {
    const end = start + length;
    if (start % 2 !== 0) return fold(earlier + swap(this.#sumFromOdd(start, end)));
    let total = earlier;
    let at = start;
    if (at % 4 !== 0 && end - at >= 2) {
      total += this.#halves[at >> 1]!;
      at += 2;
    }
    if (at % 4 === 0) {
      const lastWord = end >> 2;
      let low = 0;
      let high = 0;
      for (let index = at >> 2; index < lastWord; index++) {
        const word = this.#words[index]!;
        low += word & 0xffff;
        high += word >>> 16;
      }
      total += low + high;
      at = Math.max(at, lastWord << 2);
    }
    if (end - at >= 2) {
      total += this.#halves[at >> 1]!;
      at += 2;
    }
    if (at < end) total += this.bytes[at]!;
    return fold(total);
  }

  /** The sum of bytes at an odd offset equals the sum at an even offset with its two bytes swapped. */
  #sumFromOdd(start: number, end: number): number {
    if (start === end) return 0;
    const first = this.bytes[start]! << 8;
    return this.sum(start + 1, end - start - 1, first);
  }
}

/** Returns the checksum for a sum, to be stored as little-endian. */
export function checksumOf(sum: number): number {
  return ~fold(sum) & 0xffff;
}

/** Converts a big-endian 16-bit number for use in a sum. */
export function swap(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}
