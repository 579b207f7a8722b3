/** Returns `length` bytes of an endless pattern from an offset. The content reveals where bytes were lost. */
export function pattern(offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) {
    const place = offset + index;
    bytes[index] = (place * 31 + (place >> 8) * 7 + (place >> 16)) & 0xff;
  }
  return bytes;
}
