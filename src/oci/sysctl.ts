import { SmolvmError } from "../errors.ts";

/**
 * The sysctls of a container as the agent's tool takes them; `-` for none. Which there may be the other runtime decides,
 * which gives them to the container's namespaces: those of the network and of System V's IPC.
 *
 * @throws {SmolvmError} `config`.
 */
export function sysctlWord(sysctls: Record<string, string> = {}): string {
  const lines = Object.entries(sysctls).map(([name, value]) => {
    if (!/^[\w./-]+$/.test(name) || /[\n\0]/.test(value)) {
      throw new SmolvmError("config", `Cannot set the sysctl "${name}": its name or value is not one of Linux`);
    }
    return `${name.replaceAll(".", "/")}=${value}`;
  });
  return lines.join("\n") || "-";
}
