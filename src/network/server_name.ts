import { concat } from "../bytes.ts";

/** The server that a guest names in the first bytes of a connection. */
export interface ServerName {
  /** `other`: neither TLS nor HTTP/1. */
  protocol: "tls" | "http" | "other";
  /** In lower case, without a trailing dot; `undefined` if the guest names no server. */
  name: string | undefined;
}

/** Maximum number of bytes to examine. A client that sends more before the server's name counts as naming none. */
export const MAX_HELLO_BYTES = 16 * 1024 + 5;

const [HANDSHAKE, CLIENT_HELLO] = [22, 1];
const SERVER_NAME_EXTENSION = 0;
/** Start of an HTTP/1 request. */
const METHOD = /^(GET|HEAD|POST|PUT|DELETE|CONNECT|OPTIONS|TRACE|PATCH) /;
const LONGEST_METHOD_BYTES = 8;

/** Parses the first bytes of a connection. Returns `undefined` if it needs more bytes. */
export function serverNameOf(bytes: Uint8Array): ServerName | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] === HANDSHAKE) return nameInHello(bytes);
  return nameInRequest(bytes);
}

function nameInRequest(bytes: Uint8Array): ServerName | undefined {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MAX_HELLO_BYTES));
  if (!METHOD.test(text)) {
    const mayBeMethod = text.length <= LONGEST_METHOD_BYTES && /^[A-Z]+$/.test(text);
    return mayBeMethod ? undefined : { protocol: "other", name: undefined };
  }
  const end = /\r?\n\r?\n/.exec(text);
  if (end === null) return bytes.length < MAX_HELLO_BYTES ? undefined : { protocol: "http", name: undefined };
  const hosts = [...text.slice(0, end.index).matchAll(/\nhost[ \t]*:[ \t]*([^\r\n]*?)[ \t]*(?=\r|\n|$)/gi)];
  // Two Host headers could name two servers.
  const host = hosts.length === 1 ? /^([^:[\]\s]+)(:\d+)?$/.exec(hosts[0]![1]!)?.[1] : undefined;
  // For servers that accept an absolute URL, it overrides the Host header.
  const url = /^[A-Z]+ [a-z]+:\/\/(?:[^/@\s]*@)?([^/:\s]*)/i.exec(text)?.[1];
  const isOne = host !== undefined && (url === undefined || url.toLowerCase() === host.toLowerCase());
  return { protocol: "http", name: isOne ? canonical(host) : undefined };
}

/** The handshake message may be split into several TLS records. */
function nameInHello(bytes: Uint8Array): ServerName | undefined {
  const nameless: ServerName = { protocol: "tls", name: undefined };
  const parts: Uint8Array[] = [];
  let [at, have] = [0, 0];
  while (at < bytes.length && at < MAX_HELLO_BYTES) {
    if (bytes[at] !== HANDSHAKE) return nameless;
    if (at + 5 > bytes.length) break;
    const length = (bytes[at + 3]! << 8) | bytes[at + 4]!;
    const part = bytes.subarray(at + 5, at + 5 + length);
    parts.push(part);
    have += part.length;
    const message = concat(parts);
    if (have >= 4) {
      if (message[0] !== CLIENT_HELLO) return nameless;
      const messageBytes = 4 + ((message[1]! << 16) | (message[2]! << 8) | message[3]!);
      if (messageBytes > MAX_HELLO_BYTES) return nameless;
      if (have >= messageBytes) return { protocol: "tls", name: nameInMessage(message.subarray(0, messageBytes)) };
    }
    at += 5 + length;
  }
  return bytes.length < MAX_HELLO_BYTES ? undefined : nameless;
}

/** Returns the server name in a ClientHello (RFC 8446) with its 4-byte header; `undefined` also if it is malformed. */
function nameInMessage(message: Uint8Array): string | undefined {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  try {
    let at = 4 + 2 + 32; // header, version, random
    at += 1 + view.getUint8(at); // session ID
    at += 2 + view.getUint16(at); // cipher suites
    at += 1 + view.getUint8(at); // compression methods
    const end = at + 2 + view.getUint16(at);
    at += 2;
    while (at < end) {
      const [type, length] = [view.getUint16(at), view.getUint16(at + 2)];
      if (type === SERVER_NAME_EXTENSION) return nameInExtension(view, at + 4);
      at += 4 + length;
    }
  } catch (error) {
    // The message is truncated.
    if (!(error instanceof RangeError)) throw error;
  }
  return undefined;
}

/** Parses a server name extension (RFC 6066), which must contain exactly one name, of type host_name. */
function nameInExtension(view: DataView, at: number): string | undefined {
  const [HOST_NAME, length] = [0, view.getUint16(at + 3)];
  if (view.getUint8(at + 2) !== HOST_NAME || view.getUint16(at) !== length + 3) return undefined;
  const name = new Uint8Array(view.buffer, view.byteOffset + at + 5, length);
  return canonical(new TextDecoder("latin1").decode(name));
}

function canonical(name: string): string | undefined {
  const text = name.toLowerCase().replace(/\.$/, "");
  return /^[a-z0-9_.-]{1,253}$/.test(text) ? text : undefined;
}
