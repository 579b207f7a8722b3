import { SmolvmError } from "../errors.ts";

/** A call of an OCI runtime. */
export interface RuntimeCall {
  /** `create`, `run`, `exec` or `update`. */
  command: string;
  /** The words before the command. */
  global: string[];
  /** The options of the command, each in one word with its value: `--bundle=/b`. */
  options: string[];
  /** The container, and for `exec` the command. */
  operands: string[];
}

/** Options of runc and crun that take a value. */
const VALUED = `
  --root --log --log-format --log-level --criu --rootless --cgroup-manager --bundle --pid-file --console-socket --preserve-fds
  --process --resources --cwd --env --user --additional-gids --process-label --apparmor --cap --cgroup --config
`.trim().split(/\s+/);
const SHORT: Record<string, string> = {
  "-b": "--bundle",
  "-d": "--detach",
  "-g": "--additional-gids",
  "-p": "--process",
  "-r": "--resources",
  "-e": "--env",
  "-t": "--tty",
  "-u": "--user",
};

/**
 * Parses a call that the launcher did not pass to the other runtime.
 *
 * @throws {SmolvmError} `usage`.
 */
export function parseCall(words: readonly string[]): RuntimeCall {
  const call: RuntimeCall = { command: "", global: [], options: [], operands: [] };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (call.operands.length > 0 || !word.startsWith("-") || word === "-") {
      if (call.command === "") call.command = word;
      else call.operands.push(word);
      continue;
    }
    const [name, ...value] = word.split("=") as [string, ...string[]];
    const option = call.command === "" ? name : SHORT[name] ?? name;
    let text = [option, ...value].join("=");
    if (VALUED.includes(option) && value.length === 0) {
      if (++at === words.length) throw new SmolvmError("usage", `Option "${option}" needs a value`);
      text = `${option}=${words[at]}`;
    }
    (call.command === "" ? call.global : call.options).push(text);
  }
  if (call.operands.length === 0) throw new SmolvmError("usage", `"${call.command || "smolvm oci"}" needs a container`);
  return call;
}

/** The value of an option; the last one counts. */
export function optionValue(options: readonly string[], name: string): string | undefined {
  return optionValues(options, name).at(-1);
}

/** All values of an option that may be repeated. */
export function optionValues(options: readonly string[], name: string): string[] {
  return options.filter((option) => option.startsWith(`${name}=`)).map((option) => option.slice(name.length + 1));
}

/** The name of an option with or without a value. */
export function optionName(option: string): string {
  return option.split("=", 1)[0]!;
}

/** Returns the options with this option set to `value`. */
export function withOption(options: readonly string[], name: string, value: string): string[] {
  return [...options.filter((option) => !option.startsWith(`${name}=`)), `${name}=${value}`];
}
