import { InvalidArgumentError } from "commander";
import { canonicalAddress, isIpAddress } from "../host/ip_address.ts";
import type { PortSpec, VolumeSpec } from "../machine/describe.ts";

/**
 * Parsers of option values. Commander puts the option's name and the value before their messages.
 *
 * @module
 */

/** The longest that a timer of the platform can be set to: 2^31 ms. */
const MAX_SECONDS = 2_147_483;

const MIB_PER_UNIT: Record<string, number> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };

/** A size of memory in MiB: `512`, `512m`, `1g`. */
export function parseMemory(value: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])(?:i?b)?)?$/i.exec(value);
  const mib = match ? Number(match[1]) * MIB_PER_UNIT[match[2]?.toLowerCase() ?? "m"]! : NaN;
  if (!Number.isInteger(mib)) throw new InvalidArgumentError("Expected a whole number of MiB such as 512, 512m or 1g.");
  return mib;
}

/** The size of a disk in bytes: `512m`, `40g`; a number alone has MiB. */
export function parseDisk(value: string): number {
  const bytes = parseMemory(value) * 1024 ** 2;
  if (!Number.isSafeInteger(bytes)) throw new InvalidArgumentError("Expected a size such as 512m or 40g.");
  return bytes;
}

export function parseCpus(value: string): number {
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError("Expected a whole number of CPUs.");
  return Number(value);
}

export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (!/^\d+(\.\d+)?$/.test(value) || seconds <= 0 || seconds > MAX_SECONDS) {
    throw new InvalidArgumentError(`Expected a number of seconds above 0 and up to ${MAX_SECONDS}.`);
  }
  return seconds;
}

/** Seconds that may be none. */
export function parseTimeout(value: string): number {
  return /^0+(\.0+)?$/.test(value) ? 0 : parseSeconds(value);
}

export function parseBoolean(value: string): boolean {
  if (value !== "true" && value !== "false") throw new InvalidArgumentError("Expected true or false.");
  return value === "true";
}

/** `host:guest[:ro|rw]`, added to those before it. */
export function collectVolume(value: string, volumes: VolumeSpec[] = []): VolumeSpec[] {
  const [source, target, mode, ...rest] = value.split(":");
  if (!source || !target || rest.length > 0) throw new InvalidArgumentError("Expected HOST:GUEST or HOST:GUEST:ro.");
  if (mode !== undefined && mode !== "ro" && mode !== "rw") {
    throw new InvalidArgumentError(`Expected the mode ro or rw, got "${mode}".`);
  }
  return [...volumes, { source, target: parseGuestFolder(target), readOnly: mode === "ro" }];
}

function parseGuestFolder(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (!path.startsWith("/")) throw new InvalidArgumentError(`Expected an absolute path in the guest, got "${path}".`);
  if (parts.length === 0) throw new InvalidArgumentError("Cannot mount over the guest's root.");
  if (parts.includes("..")) throw new InvalidArgumentError(`Expected a path without "..", got "${path}".`);
  return `/${parts.join("/")}`;
}

/**
 * `[[ip]:][host]:guest[/tcp]`, or the guest's port alone, added to those before it; an IPv6 address is in brackets. The
 * address is 127.0.0.1 unless given, and a host port that is not given is 0.
 */
export function collectPort(value: string, ports: PortSpec[] = []): PortSpec[] {
  const match = /^(?:(?:(\[[^\]]*\]|[^:]*):)?(\d*):)?(\d+)(?:\/(\w+))?$/.exec(value);
  if (!match) throw new InvalidArgumentError("Expected [IP:]HOST:GUEST with port numbers.");
  const [, address, hostPort, guestPort, protocol = "tcp"] = match;
  if (protocol !== "tcp") throw new InvalidArgumentError(`Cannot publish ${protocol} ports, only tcp.`);
  return [...ports, {
    address: parseAddress(address || "127.0.0.1"),
    hostPort: hostPort ? parsePort(hostPort) : 0,
    guestPort: parsePort(guestPort!),
  }];
}

function parseAddress(text: string): string {
  const address = text.replace(/^\[(.*:.*)\]$/, "$1");
  if (!isIpAddress(address)) throw new InvalidArgumentError(`Expected an IP address, got "${text}".`);
  return canonicalAddress(address);
}

function parsePort(text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) throw new InvalidArgumentError(`Expected ports from 1 to 65535, got ${text}.`);
  return port;
}

/** An absolute path in the guest. */
export function parseWorkdir(value: string): string {
  if (!value.startsWith("/")) throw new InvalidArgumentError("Expected an absolute path in the guest.");
  return value;
}

/** `name|uid[:group|gid]`. */
export function parseUser(value: string): string {
  if (!/^[^:\s]+(:[^:\s]+)?$/.test(value)) throw new InvalidArgumentError("Expected NAME or UID, with :GROUP or :GID.");
  const tooLarge = value.split(":").some((part) => /^\d+$/.test(part) && Number(part) > 2 ** 32 - 2);
  if (tooLarge) throw new InvalidArgumentError("Expected an id of at most 4294967294.");
  return value;
}

export function parseHostname(value: string): string {
  if (!/^[a-zA-Z0-9]([a-zA-Z0-9._-]{0,61}[a-zA-Z0-9])?$/.test(value)) {
    throw new InvalidArgumentError(
      "Expected up to 63 letters, digits and . _ -, the first and last a letter or digit.",
    );
  }
  return value;
}

/** An IP address of a name server. */
export function parseNameserver(value: string): string {
  if (!isIpAddress(value)) throw new InvalidArgumentError("Expected an IP address.");
  return value;
}

/** `KEY=VALUE`, or `KEY` to inherit it, added to those before it; a key that is not set here adds nothing. */
export function collectEnv(value: string, env: string[] = []): string[] {
  return [...env, ...parseVariable(value)];
}

/** The lines of a file with one variable each, as docker reads them, added to those before it. */
export function collectEnvFile(path: string, env: string[] = []): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "No such file" : "Cannot read it";
    throw new InvalidArgumentError(`${reason}.`);
  }
  return [...env, ...text.split(/\r?\n/).flatMap((line, index) => parseEnvLine(line, `line ${index + 1}`))];
}

function parseEnvLine(line: string, where: string): string[] {
  const text = line.trimStart();
  if (text === "" || text.startsWith("#")) return [];
  try {
    return parseVariable(text);
  } catch (error) {
    throw error instanceof InvalidArgumentError ? new InvalidArgumentError(`At ${where}: ${error.message}`) : error;
  }
}

function parseVariable(text: string): string[] {
  if (text.includes("\0")) throw new InvalidArgumentError("Expected no NUL.");
  const end = text.indexOf("=");
  const key = end < 0 ? text : text.slice(0, end);
  if (key === "" || /\s/.test(key)) throw new InvalidArgumentError("Expected KEY=VALUE or KEY, without space in KEY.");
  if (end >= 0) return [text];
  const value = Deno.env.get(key);
  return value === undefined ? [] : [`${key}=${value}`];
}
