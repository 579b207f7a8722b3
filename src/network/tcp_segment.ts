export const TCP_BYTES = 20;
export const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16 } as const;

/** A TCP segment in memory. */
export interface TcpSegment {
  sourcePort: number;
  destinationPort: number;
  sequence: number;
  acknowledgement: number;
  flags: number;
  /** As sent, unscaled. */
  window: number;
  /** Offsets: start of the options, start of the data, end of the data. */
  options: number;
  data: number;
  end: number;
}

/** The options of a SYN. */
export interface TcpOptions {
  maxSegment: number | undefined;
  windowScale: number | undefined;
}

/** Parses a segment. Returns `undefined` if it is malformed. */
export function parseTcp(view: DataView, start: number, end: number): TcpSegment | undefined {
  if (end - start < TCP_BYTES) return undefined;
  const headerBytes = (view.getUint8(start + 12) >> 4) * 4;
  if (headerBytes < TCP_BYTES || headerBytes > end - start) return undefined;
  return {
    sourcePort: view.getUint16(start),
    destinationPort: view.getUint16(start + 2),
    sequence: view.getUint32(start + 4),
    acknowledgement: view.getUint32(start + 8),
    flags: view.getUint8(start + 13) & 0x3f,
    window: view.getUint16(start + 14),
    options: start + TCP_BYTES,
    data: start + headerBytes,
    end,
  };
}

const OPTION = { end: 0, nothing: 1, maxSegment: 2, windowScale: 3 };
/** RFC 7323: larger values count as this value. */
const MAX_SCALE = 14;

/** Parses the options of a SYN, up to the first malformed option. */
export function parseTcpOptions(view: DataView, { options, data }: Pick<TcpSegment, "options" | "data">): TcpOptions {
  const found: TcpOptions = { maxSegment: undefined, windowScale: undefined };
  let at = options;
  while (at < data) {
    const kind = view.getUint8(at);
    if (kind === OPTION.end) break;
    if (kind === OPTION.nothing) {
      at++;
      continue;
    }
    const length = at + 1 < data ? view.getUint8(at + 1) : 0;
    if (length < 2 || at + length > data) break;
    if (kind === OPTION.maxSegment && length === 4) found.maxSegment = view.getUint16(at + 2);
    if (kind === OPTION.windowScale && length === 3) found.windowScale = Math.min(view.getUint8(at + 2), MAX_SCALE);
    at += length;
  }
  return found;
}

/** Returns how far `to` is ahead of `from`; negative if it is behind. Sequence numbers wrap around. */
export function distance(to: number, from: number): number {
  return (to - from) | 0;
}
