import { SmolvmError } from "../errors.ts";

/**
 * The sysctls of a container, encoded for the agent's tool; `-` for none. The other runtime checks which are allowed,
 * as it sets them in the container's namespaces: those of the network and of System V IPC.
 *
 * @throws {SmolvmError} `config`.
 */
export function sysctlWord(sysctls: Record<string, string> = {}): string {
  const lines = Object.entries(sysctls).map(([name, value]) => {
    if (!/^[\w./-]+$/.test(name) || /[\n\0]/.test(value)) {
      throw new SmolvmError("config", `Cannot set the sysctl "${name}": invalid name or value`);
    }
    return `${name.replaceAll(".", "/")}=${value}`;
  });
  return lines.join("\n") || "-";
}
