import { InvalidArgumentError } from "./invalid_argument.ts";
import * as values from "../config/values.ts";
import { osReason } from "../host/os_error.ts";
import { absolute } from "../host/path.ts";

/**
 * Parsers of option values. Commander puts the option's name and the value before their messages.
 *
 * @module
 */

/** The longest that a timer of the platform can be set to: 2^31 ms. */
const MAX_SECONDS = 2_147_483;

/** Gives a parser the error by which commander knows that a value is invalid. */
function asArgument<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw error instanceof values.InvalidValueError ? new InvalidArgumentError(error.message) : error;
    }
  };
}

export const parseMemory = asArgument(values.parseMemory);
export const parseDisk = asArgument(values.parseDisk);
export const parseCpus = asArgument(values.parseCpus);
export const parseRate = asArgument(values.parseRate);
export const parseConnections = asArgument(values.parseConnections);
export const parseWorkdir = asArgument(values.parseWorkdir);
export const parseUser = asArgument(values.parseUser);
export const parseGuestPort = asArgument(values.parseGuestPort);
const parsePorts = asArgument(values.parsePorts);
export const parseHostname = asArgument(values.parseHostname);
const parseNetworkName = asArgument(values.parseNetworkName);
export const parseNameserver = asArgument(values.parseNameserver);
const parseVariable = asArgument(values.parseVariable);

/** Adds what a parser makes of a value to those before it, for an option that may be repeated. */
function collect<T>(parse: (text: string) => T): (value: string, before?: T[]) => T[] {
  return (value, before = []) => [...before, parse(value)];
}

/** The same for a parser of a configuration's values. */
export const repeated = <T>(parse: (text: string) => T) => collect(asArgument(parse));

/** `host:guest[:ro|rw]`, added to those before it. */
export const collectVolume = repeated(values.parseVolume);
/** `[[ip]:][host]:guest[/tcp|/udp]`, or the guest's port alone, or such ranges, added to those before them. */
export function collectPorts(value: string, before: ReturnType<typeof parsePorts> = []): ReturnType<typeof parsePorts> {
  return [...before, ...parsePorts(value)];
}
/** Where a volume is in the guest, added to those before it. */
export const collectMountPoint = repeated(values.parseMountPoint);
/** `guest[/tcp|/udp]`, added to those before it. */
export const collectGuestPort = collect(parseGuestPort);
/** A host name, added to those before it. */
export const collectHostname = collect(parseHostname);
/** Any text, added to those before it. */
export const collectText = collect(String);

/** The name of a network of machines, added to those before it, or `none` alone. */
export function collectNetwork(text: string, before: readonly string[] = []): string[] {
  const networks = [...before, text === "none" ? text : parseNetworkName(text)];
  if (networks.includes("none") && networks.length > 1) {
    throw new InvalidArgumentError("Expected networks, or only none.");
  }
  return networks;
}

export function parseSeconds(value: string): number {
  const seconds = toSeconds(value);
  if (seconds > 0) return seconds;
  throw new InvalidArgumentError(`Expected a number of seconds above 0 and up to ${MAX_SECONDS}.`);
}

/** Seconds that may be none. */
export function parseTimeout(value: string): number {
  const seconds = toSeconds(value);
  if (seconds >= 0) return seconds;
  throw new InvalidArgumentError(`Expected a number of seconds from 0 to ${MAX_SECONDS}.`);
}

/** NaN for what is none, or more than a timer can have. */
function toSeconds(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) && Number(value) <= MAX_SECONDS ? Number(value) : NaN;
}

/** A number of lines, `Infinity` for all of them. */
export function parseTail(value: string): number {
  if (value === "all") return Infinity;
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError("Expected a number of lines, or all.");
  return Number(value);
}

export function parseBoolean(value: string): boolean {
  if (value !== "true" && value !== "false") throw new InvalidArgumentError("Expected true or false.");
  return value === "true";
}

/** `KEY=VALUE`, or `KEY` to inherit it, added to those before it; a key that is not set here adds nothing. */
export function collectEnv(value: string, env: string[] = []): string[] {
  return [...env, ...parseVariable(value)];
}

/** Variables by their keys, the last of those with the same. */
export function toVariables(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(env.map((variable) => {
    const end = variable.indexOf("=");
    return [variable.slice(0, end), variable.slice(end + 1)];
  }));
}

/** The lines of a file with one variable each, as docker reads them, added to those before it. */
export function collectEnvFile(path: string, env: string[] = []): string[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(Deno.readFileSync(absolute(path)));
  } catch (error) {
    throw new InvalidArgumentError(error instanceof TypeError ? "It is not UTF-8." : `${osReason(error)}.`);
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
