import type { IpAddress } from "./ip.ts";
import type { Ipv4 } from "./ipv4.ts";
import { readIpv6 } from "./ipv6.ts";

/** The question of a DNS message. */
export interface Question {
  /** In lower case, without a trailing dot. */
  name: string;
  type: number;
  class: number;
  /** Offset of the end of the question in the message. */
  end: number;
}

/** An address (A or AAAA) record of a message. */
export interface AddressRecord {
  address: IpAddress;
  /** TTL in seconds. */
  seconds: number;
}

export const RESPONSE_CODE = { serverFailure: 2, noSuchName: 3 } as const;
const HEADER_BYTES = 12;
const [TYPE_A, TYPE_AAAA, CLASS_IN] = [1, 28, 1];
const RESPONSE_BIT = 0x8000;
const TRUNCATED_BIT = 0x0200;
/** Maximum length of an encoded name. */
const MAX_NAME_BYTES = 255;

/** Parses the question of a message. Returns `undefined` if it is malformed or does not have exactly one question. */
export function parseQuestion(message: Uint8Array): Question | undefined {
  if (message.length < HEADER_BYTES) return undefined;
  const view = viewOf(message);
  if (view.getUint16(4) !== 1) return undefined;
  const name = readName(message, HEADER_BYTES);
  if (name === undefined || name.end + 4 > message.length) return undefined;
  return {
    name: name.text,
    type: view.getUint16(name.end),
    class: view.getUint16(name.end + 2),
    end: name.end + 4,
  };
}

export function isResponse(message: Uint8Array): boolean {
  return message.length >= HEADER_BYTES && (viewOf(message).getUint16(2) & RESPONSE_BIT) !== 0;
}

export function isTruncated(message: Uint8Array): boolean {
  return message.length >= HEADER_BYTES && (viewOf(message).getUint16(2) & TRUNCATED_BIT) !== 0;
}

export function idOf(message: Uint8Array): number {
  return viewOf(message).getUint16(0);
}

/** Returns a copy of the message with another ID. */
export function withId(message: Uint8Array, id: number): Uint8Array<ArrayBuffer> {
  const copy = message.slice() as Uint8Array<ArrayBuffer>;
  viewOf(copy).setUint16(0, id);
  return copy;
}

/** Returns the addresses in an answer, up to the first malformed record. */
export function addressesIn(message: Uint8Array, question: Question): AddressRecord[] {
  const found: AddressRecord[] = [];
  const view = viewOf(message);
  let at = question.end;
  for (let left = view.getUint16(6); left > 0; left--) {
    const name = readName(message, at);
    if (name === undefined || name.end + 10 > message.length) break;
    const dataBytes = view.getUint16(name.end + 8);
    const data = name.end + 10;
    if (data + dataBytes > message.length) break;
    const address = view.getUint16(name.end + 2) === CLASS_IN
      ? addressAt(view, data, { type: view.getUint16(name.end), dataBytes })
      : undefined;
    if (address !== undefined) found.push({ address, seconds: view.getUint32(name.end + 4) });
    at = data + dataBytes;
  }
  return found;
}

function addressAt(
  view: DataView,
  at: number,
  { type, dataBytes }: { type: number; dataBytes: number },
): IpAddress | undefined {
  if (type === TYPE_A && dataBytes === 4) return view.getUint32(at);
  return type === TYPE_AAAA && dataBytes === 16 ? readIpv6(view, at) : undefined;
}

/** Makes an answer with IPv4 addresses and a TTL of 0. It is empty if the question is not for type A. */
export function addressAnswer(query: Uint8Array, question: Question, addresses: readonly Ipv4[]): Uint8Array {
  const head = emptyAnswer(query, question, 0);
  if (question.type !== TYPE_A || question.class !== CLASS_IN) return head;
  const RECORD_BYTES = 16;
  const answer = new Uint8Array(head.length + addresses.length * RECORD_BYTES);
  answer.set(head);
  const view = viewOf(answer);
  view.setUint16(6, addresses.length);
  for (const [index, address] of addresses.entries()) {
    const at = head.length + index * RECORD_BYTES;
    view.setUint16(at, 0xc000 | HEADER_BYTES); // the name of the question
    view.setUint16(at + 2, TYPE_A);
    view.setUint16(at + 4, CLASS_IN);
    view.setUint16(at + 10, 4);
    view.setUint32(at + 12, address);
  }
  return answer;
}

/** Makes an answer without records. */
export function emptyAnswer(query: Uint8Array, question: Question, code: number): Uint8Array<ArrayBuffer> {
  const answer = query.slice(0, question.end) as Uint8Array<ArrayBuffer>;
  const view = viewOf(answer);
  const [OPCODE_AND_RECURSION_DESIRED, RECURSION_AVAILABLE] = [0x7900, 0x0080];
  view.setUint16(2, RESPONSE_BIT | (view.getUint16(2) & OPCODE_AND_RECURSION_DESIRED) | RECURSION_AVAILABLE | code);
  for (const count of [6, 8, 10]) view.setUint16(count, 0);
  return answer;
}

/** Reads a name. Compression pointers must point backwards, so that the loop terminates. */
function readName(message: Uint8Array, start: number): { text: string; end: number } | undefined {
  const labels: string[] = [];
  let [at, end, bytes, limit] = [start, undefined as number | undefined, 0, start];
  while (true) {
    const length = message[at];
    if (length === undefined) return undefined;
    if (length === 0) return { text: labels.join(".").toLowerCase(), end: end ?? at + 1 };
    if (length >= 0xc0) {
      const low = message[at + 1];
      if (low === undefined) return undefined;
      end ??= at + 2;
      at = ((length & 0x3f) << 8) | low;
      if (at >= limit) return undefined;
      limit = at;
      continue;
    }
    bytes += length + 1;
    if (length >= 0x40 || at + 1 + length > message.length || bytes >= MAX_NAME_BYTES) return undefined;
    labels.push(textOf(message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

/** Converts a label to text. Escapes non-printable bytes, dots and backslashes, so that different labels differ. */
function textOf(label: Uint8Array): string {
  return Array.from(
    label,
    (byte) => byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c ? String.fromCharCode(byte) : `\\${byte}`,
  ).join("");
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
