import { canonicalAddress, isIpAddress } from "../host/ip_address.ts";
import type { PortSpec, VolumeSpec } from "../state/machine_record.ts";

/**
 * What the words mean that people describe machines with, in options as in a Smolfile.
 *
 * @module
 */

/** What a word cannot mean; the message is a sentence that says what was expected. */
export class InvalidValueError extends Error {
  override readonly name = "InvalidValueError";
}

const MIB_PER_UNIT: Record<string, number> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };

/** A size of memory in MiB: `512`, `512m`, `1g`. */
export function parseMemory(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])(?:i?b)?)?$/i.exec(text);
  const mib = match ? Number(match[1]) * MIB_PER_UNIT[match[2]?.toLowerCase() ?? "m"]! : NaN;
  if (!Number.isInteger(mib)) throw new InvalidValueError("Expected a whole number of MiB such as 512, 512m or 1g.");
  return mib;
}

/** The size of a disk in bytes: `512m`, `40g`; a number alone has MiB. */
export function parseDisk(text: string): number {
  const bytes = parseMemory(text) * 1024 ** 2;
  if (!Number.isSafeInteger(bytes)) throw new InvalidValueError("Expected a size such as 512m or 40g.");
  return bytes;
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

/** Where in the guest a folder is mounted; one spelling for each place, so that duplicates are found. */
export function parseMountPoint(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (!path.startsWith("/")) throw new InvalidValueError(`Expected an absolute path in the guest, got "${path}".`);
  if (parts.length === 0) throw new InvalidValueError("Cannot mount over the guest's root.");
  if (parts.includes("..")) throw new InvalidValueError(`Expected a path without "..", got "${path}".`);
  return `/${parts.join("/")}`;
}

/**
 * `[[ip]:][host]:guest[/tcp]`, or the guest's port alone; an IPv6 address is in brackets. The address is 127.0.0.1
 * unless given, and a host port that is not given is 0.
 */
export function parsePort(text: string): PortSpec {
  const match = /^(?:(?:(\[[^\]]*\]|[^:]*):)?(\d*):)?(\d+)(?:\/(\w+))?$/.exec(text);
  if (!match) throw new InvalidValueError("Expected [IP:]HOST:GUEST with port numbers.");
  const [, address, hostPort, guestPort, protocol = "tcp"] = match;
  if (protocol !== "tcp") throw new InvalidValueError(`Cannot publish ${protocol} ports, only tcp.`);
  return {
    address: parseAddress(address || "127.0.0.1"),
    hostPort: hostPort ? parsePortNumber(hostPort) : 0,
    guestPort: parsePortNumber(guestPort!),
  };
}

/** An IP address in its canonical form; an IPv6 one may be in brackets. */
export function parseAddress(text: string): string {
  const address = text.replace(/^\[(.*:.*)\]$/, "$1");
  if (!isIpAddress(address)) throw new InvalidValueError(`Expected an IP address, got "${text}".`);
  return canonicalAddress(address);
}

/** The number of a port, 1 to 65535, with or without `/tcp`. */
export function parsePortNumber(text: string): number {
  const port = Number(/^(\d+)(?:\/tcp)?$/.exec(text)?.[1] ?? 0);
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

/** An IP address of a name server. */
export function parseNameserver(text: string): string {
  if (!isIpAddress(text)) throw new InvalidValueError("Expected an IP address.");
  return text;
}

/** The one variable of `KEY=VALUE`, or of `KEY` to inherit it; none for a key that is not set here. */
export function parseVariable(text: string): string[] {
  if (text.includes("\0")) throw new InvalidValueError("Expected no NUL.");
  const end = text.indexOf("=");
  const key = end < 0 ? text : text.slice(0, end);
  if (key === "" || /\s/.test(key)) throw new InvalidValueError("Expected KEY=VALUE or KEY, without space in KEY.");
  if (end >= 0) return [text];
  const value = Deno.env.get(key);
  return value === undefined ? [] : [`${key}=${value}`];
}
