import { InvalidArgumentError } from "./invalid_argument.ts";
import * as values from "../config/values.ts";
import { osReason } from "../host/os_error.ts";
import { absolute } from "../host/path.ts";

/**
 * Parsers of option values. Commander prefixes their messages with the option's name and the value.
 *
 * @module
 */

/** The longest time of a JavaScript timer: 2^31 ms. */
const MAX_SECONDS = 2_147_483;

/** Makes a parser throw the error that commander expects for an invalid value. */
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

/** Makes a parser for a repeatable option, which appends the parsed value to the earlier values. */
function collect<T>(parse: (text: string) => T): (value: string, before?: T[]) => T[] {
  return (value, before = []) => [...before, parse(value)];
}

/** Like {@linkcode collect}, for a parser from `config/values.ts`. */
export const repeated = <T>(parse: (text: string) => T) => collect(asArgument(parse));

/** Appends a volume, `host:guest[:ro|rw]`. */
export const collectVolume = repeated(values.parseVolume);
/** Appends ports: `[[ip]:][host]:guest[/tcp|/udp]`, only the guest's port, or ranges of these. */
export function collectPorts(value: string, before: ReturnType<typeof parsePorts> = []): ReturnType<typeof parsePorts> {
  return [...before, ...parsePorts(value)];
}
/** Appends the mount point of a volume. */
export const collectMountPoint = repeated(values.parseMountPoint);
/** Appends a guest port, `guest[/tcp|/udp]`. */
export const collectGuestPort = collect(parseGuestPort);
/** Appends a host name. */
export const collectHostname = collect(parseHostname);
/** Appends any text. */
export const collectText = collect(String);

/** Appends the name of a network of machines; `none` must be the only one. */
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

/** Parses seconds, including 0. */
export function parseTimeout(value: string): number {
  const seconds = toSeconds(value);
  if (seconds >= 0) return seconds;
  throw new InvalidArgumentError(`Expected a number of seconds from 0 to ${MAX_SECONDS}.`);
}

/** Returns NaN for an invalid number, or one that is too large for a timer. */
function toSeconds(value: string): number {
  return /^\d+(\.\d+)?$/.test(value) && Number(value) <= MAX_SECONDS ? Number(value) : NaN;
}

/** Parses a number of lines; `all` is `Infinity`. */
export function parseTail(value: string): number {
  if (value === "all") return Infinity;
  if (!/^\d+$/.test(value)) throw new InvalidArgumentError("Expected a number of lines, or all.");
  return Number(value);
}

export function parseBoolean(value: string): boolean {
  if (value !== "true" && value !== "false") throw new InvalidArgumentError("Expected true or false.");
  return value === "true";
}

/** Appends `KEY=VALUE`. `KEY` inherits its value from the environment, and adds nothing if it is not set. */
export function collectEnv(value: string, env: string[] = []): string[] {
  return [...env, ...parseVariable(value)];
}

/** Converts variables to an object; the last value of a key wins. */
export function toVariables(env: readonly string[]): Record<string, string> {
  return Object.fromEntries(env.map((variable) => {
    const end = variable.indexOf("=");
    return [variable.slice(0, end), variable.slice(end + 1)];
  }));
}

/** Appends the variables of a file with one variable per line, read as docker does. */
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
