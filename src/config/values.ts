import { canonicalAddress, isIpAddress } from "../host/ip_address.ts";
import { isNetworkName } from "../state/networks.ts";
import {
  type GuestPort,
  MAX_CONNECTIONS,
  type PortSpec,
  type SecretSpec,
  type VolumeSpec,
} from "../state/machine_record.ts";

/**
 * Parses the values that describe machines, in options and in a Smolfile.
 *
 * @module
 */

export { formatGuestPort, type GuestPort } from "../state/machine_record.ts";
export { isReservedNetwork } from "../state/networks.ts";

/** The value is invalid; the message is a sentence that describes the expected value. */
export class InvalidValueError extends Error {
  override readonly name = "InvalidValueError";
}

/** Limits a range, because each TCP port takes a listener in the machine's process. */
const MAX_PORT_RANGE = 1024;
/** In bytes per second; connections do not work with less. */
const MIN_RATE = 1024;

const MIB_PER_UNIT: Record<string, number> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };

/** A size of memory in MiB: `512`, `512m`, `1g`. */
export function parseMemory(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])(?:i?b)?)?$/i.exec(text);
  const mib = match ? Number(match[1]) * MIB_PER_UNIT[match[2]?.toLowerCase() ?? "m"]! : NaN;
  if (!Number.isInteger(mib)) throw new InvalidValueError("Expected a whole number of MiB such as 512, 512m or 1g.");
  return mib;
}

/** The size of a disk in bytes: `512m`, `40g`; a number alone is in MiB. */
export function parseDisk(text: string): number {
  const bytes = parseMemory(text) * 1024 ** 2;
  if (!Number.isSafeInteger(bytes)) throw new InvalidValueError("Expected a size such as 512m or 40g.");
  return bytes;
}

/** Bytes per second: `500k`, `10m`; a number alone is in MiB. */
export function parseRate(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmg])(?:i?b)?)?$/i.exec(text);
  return checkRate(
    match ? Math.floor(Number(match[1]) * MIB_PER_UNIT[match[2]?.toLowerCase() ?? "m"]! * 1024 ** 2) : NaN,
  );
}

/** Checks bytes per second. */
export function checkRate(bytes: number): number {
  if (bytes >= MIN_RATE && Number.isSafeInteger(bytes)) return bytes;
  throw new InvalidValueError("Expected bytes per second such as 500k or 10m, at least 1k.");
}

/** A number of TCP connections. */
export function parseConnections(text: string): number {
  return checkConnections(/^[1-9]\d*$/.test(text) ? Number(text) : NaN);
}

/** Checks a number of TCP connections. */
export function checkConnections(count: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= MAX_CONNECTIONS) return count;
  throw new InvalidValueError(`Expected a number of connections from 1 to ${MAX_CONNECTIONS}.`);
}

/** A number of virtual CPUs. */
export function parseCpus(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidValueError("Expected a whole number of CPUs.");
  return Number(text);
}

/** `host:guest[:ro|rw]`. */
export function parseVolume(text: string): VolumeSpec {
  const [source, target, mode, ...rest] = text.split(":");
  if (!source || !target || rest.length > 0) throw new InvalidValueError("Expected HOST:GUEST or HOST:GUEST:ro.");
  if (mode !== undefined && mode !== "ro" && mode !== "rw") {
    throw new InvalidValueError(`Expected the mode ro or rw, got "${mode}".`);
  }
  return { source, target: parseMountPoint(target), readOnly: mode === "ro" };
}

/** A mount point in the guest, in its canonical form, so that duplicates are found. */
export function parseMountPoint(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (!path.startsWith("/")) throw new InvalidValueError(`Expected an absolute path in the guest, got "${path}".`);
  if (parts.length === 0) throw new InvalidValueError("Cannot mount over the guest's root.");
  if (parts.includes("..")) throw new InvalidValueError(`Expected a path without "..", got "${path}".`);
  return `/${parts.join("/")}`;
}

/**
 * `[[ip]:][host]:guest[/tcp|/udp]`, or only the guest's port; an IPv6 address is in brackets, and `8000-8010` is a
 * range of ports. The default address is 127.0.0.1, the default host port 0.
 */
export function parsePorts(text: string): PortSpec[] {
  const match = /^(?:(?:(\[[^\]]*\]|[^:]*):)?(\d*|\d+-\d+):)?(\d+|\d+-\d+)(?:\/(\w+))?$/.exec(text);
  if (!match) throw new InvalidValueError("Expected [IP:]HOST:GUEST with port numbers.");
  const [, ip, host, guest, name = "tcp"] = match;
  const protocol = parseProtocol(name);
  const address = parseAddress(ip || "127.0.0.1");
  const guestPorts = parsePortRange(guest!);
  const hostPorts = host ? parsePortRange(host) : guestPorts.map(() => 0);
  if (hostPorts.length !== guestPorts.length) {
    throw new InvalidValueError(`Expected as many ports of the host as of the guest, got ${host} and ${guest}.`);
  }
  return guestPorts.map((guestPort, index) => ({ protocol, address, hostPort: hostPorts[index]!, guestPort }));
}

function parseProtocol(text: string): PortSpec["protocol"] {
  if (text === "tcp" || text === "udp") return text;
  throw new InvalidValueError(`Cannot publish ${text} ports, only tcp and udp.`);
}

/** The ports of `80` or `8000-8010`. */
function parsePortRange(text: string): number[] {
  const [first, last = first] = text.split("-").map(parsePortNumber) as [number, number?];
  const count = last - first + 1;
  if (count < 1 || count > MAX_PORT_RANGE) {
    throw new InvalidValueError(`Expected a range of 1 to ${MAX_PORT_RANGE} ports, got ${text}.`);
  }
  return Array.from({ length: count }, (_, index) => first + index);
}

/** An IP address in its canonical form; an IPv6 one may be in brackets. */
export function parseAddress(text: string): string {
  const address = text.replace(/^\[(.*:.*)\]$/, "$1");
  if (!isIpAddress(address)) throw new InvalidValueError(`Expected an IP address, got "${text}".`);
  return canonicalAddress(address);
}

/** A port of the guest: `53/udp`; the default protocol is TCP. */
export function parseGuestPort(text: string): GuestPort {
  const [number = "", name = "tcp", ...rest] = text.split("/");
  if (rest.length > 0) throw new InvalidValueError("Expected PORT, PORT/tcp or PORT/udp.");
  return { protocol: parseProtocol(name), guestPort: parsePortNumber(number) };
}

/** A port number, 1 to 65535. */
export function parsePortNumber(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new InvalidValueError(`Expected ports from 1 to 65535, got ${text}.`);
  return port;
}

/** An absolute path in the guest. */
export function parseWorkdir(text: string): string {
  if (!/^\/[^\0]*$/.test(text)) throw new InvalidValueError("Expected an absolute path in the guest.");
  return text;
}

/** `name|uid[:group|gid]`. */
export function parseUser(text: string): string {
  if (!/^[^:\s]+(:[^:\s]+)?$/.test(text)) throw new InvalidValueError("Expected NAME or UID, with :GROUP or :GID.");
  const tooLarge = text.split(":").some((part) => /^\d+$/.test(part) && Number(part) > 2 ** 32 - 2);
  if (tooLarge) throw new InvalidValueError("Expected an id of at most 4294967294.");
  return text;
}

/** A host name. */
export function parseHostname(text: string): string {
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/.test(text)) {
    throw new InvalidValueError("Expected up to 63 letters, digits and . _ -, the first and last a letter or digit.");
  }
  return text;
}

/** The name of a network of machines. */
export function parseNetworkName(text: string): string {
  if (isNetworkName(text)) return text;
  throw new InvalidValueError("Expected the name of a network: see smolvm network ls.");
}

/** An IP address of a name server. */
export function parseNameserver(text: string): string {
  if (!isIpAddress(text)) throw new InvalidValueError("Expected an IP address.");
  return text;
}

/** Parses `KEY=VALUE`, or `KEY`, which inherits its value; the result is empty if `KEY` is not set in this process. */
export function parseVariable(text: string): string[] {
  if (text.includes("\0")) throw new InvalidValueError("Expected no NUL.");
  const end = text.indexOf("=");
  const key = end < 0 ? text : text.slice(0, end);
  if (key === "" || /\s/.test(key)) throw new InvalidValueError("Expected KEY=VALUE or KEY, without space in KEY.");
  if (end >= 0) return [text];
  const value = Deno.env.get(key);
  return value === undefined ? [] : [`${key}=${value}`];
}

/** `NAME@HOST[,...]=env:VARIABLE` or `=file:PATH`; a relative path stays relative. */
export function parseSecret(text: string): SecretSpec {
  const match = /^([A-Za-z_][A-Za-z0-9_]*)@([^=]+)=(env|file):(.+)$/s.exec(text);
  if (!match) throw new InvalidValueError("Expected NAME@HOST=env:VARIABLE or NAME@HOST=file:PATH.");
  const [, name, hosts, kind, where] = match;
  return { name: name!, hosts: hosts!.split(","), source: kind === "env" ? { env: where! } : { file: where! } };
}
