import { SmolvmError } from "../errors.ts";
import { coversAddress, formatEndpoint } from "../host/ip_address.ts";
import { osReason } from "../host/os_error.ts";
import type { MachineRecord, PortSpec } from "../state/machine_record.ts";
import { listenAt } from "../state/published_port.ts";

/**
 * Gives each port that has the number 0 on the host one that is free there.
 *
 * @throws {SmolvmError} `port` when two would be the same, or an address is not the host's.
 */
export function resolvePorts(ports: readonly PortSpec[]): PortSpec[] {
  // Held until all have a number, so that no two get the same.
  using held = new DisposableStack();
  const resolved = ports.map((port) =>
    port.hostPort === 0 ? { ...port, hostPort: pickPort(port.address, held) } : port
  );
  for (const [index, port] of resolved.entries()) {
    if (resolved.slice(0, index).some((other) => portsClash(port, other))) {
      throw new SmolvmError("port", `Cannot publish two ports at ${formatEndpoint(port.address, port.hostPort)}`);
    }
  }
  return resolved;
}

function pickPort(hostname: string, held: DisposableStack): number {
  try {
    return held.use(Deno.listen({ hostname, port: 0 })).addr.port;
  } catch (error) {
    throw new SmolvmError("port", `Cannot publish a port of ${hostname}: ${osReason(error)}`, { cause: error });
  }
}

function portsClash(a: PortSpec, b: PortSpec): boolean {
  return a.hostPort === b.hostPort && (coversAddress(a.address, b.address) || coversAddress(b.address, a.address));
}

/**
 * Refuses ports that cannot be published now. The runner has the last word: until it listens, anyone may take them.
 *
 * @throws {SmolvmError} `port`, naming who has one as far as that can be told.
 */
export async function checkPorts({ ports, net }: Pick<MachineRecord, "ports" | "net">): Promise<void> {
  if (net && ports.length > 0 && Deno.build.os === "darwin") {
    throw new SmolvmError(
      "port",
      "Cannot publish ports of a machine with --net: on macOS it listens on the host itself",
      {
        hint: "Leave --net out: a published port needs none.",
      },
    );
  }
  for (const port of ports) (await listenAt(port)).close();
}
