import { SmolvmError } from "../errors.ts";
import { coversAddress, formatEndpoint } from "../host/ip_address.ts";
import { osReason } from "../host/os_error.ts";
import { type MachineRecord, portsOf, type PortSpec } from "../state/machine_record.ts";
import { checkPort } from "../state/published_port.ts";

/** A gateway has this many UDP sockets. */
const MAX_UDP_PORTS = 128;

/**
 * Replaces each host port 0 by a free port of the host.
 *
 * @throws {SmolvmError} `port` when two ports clash, when an address is not the host's, or for too many UDP ports.
 */
export function resolvePorts(ports: readonly PortSpec[]): PortSpec[] {
  if (portsOf(ports, "udp").length > MAX_UDP_PORTS) {
    throw new SmolvmError("port", `Cannot publish more than ${MAX_UDP_PORTS} UDP ports of a machine`);
  }
  // Keep the sockets open until all ports have a number, so that no two get the same one.
  using held = new DisposableStack();
  const resolved = ports.map((port) => port.hostPort === 0 ? { ...port, hostPort: pickPort(port, held) } : port);
  for (const [index, port] of resolved.entries()) {
    if (resolved.slice(0, index).some((other) => portsClash(port, other))) {
      const suffix = port.protocol === "udp" ? "/udp" : "";
      const endpoint = formatEndpoint(port.address, port.hostPort);
      throw new SmolvmError("port", `Cannot publish two ports at ${endpoint}${suffix}`);
    }
  }
  return resolved;
}

function pickPort({ protocol, address: hostname }: PortSpec, held: DisposableStack): number {
  try {
    // Without --unstable-net, a script cannot open UDP sockets: use a port that is free for TCP.
    if (protocol === "tcp" || !("listenDatagram" in Deno)) {
      return held.use(Deno.listen({ hostname, port: 0 })).addr.port;
    }
    const socket = held.adopt(Deno.listenDatagram({ transport: "udp", hostname, port: 0 }), (socket) => socket.close());
    return (socket.addr as Deno.NetAddr).port;
  } catch (error) {
    throw new SmolvmError("port", `Cannot publish a port of ${hostname}: ${osReason(error)}`, { cause: error });
  }
}

function portsClash(a: PortSpec, b: PortSpec): boolean {
  return a.protocol === b.protocol && a.hostPort === b.hostPort &&
    (coversAddress(a.address, b.address) || coversAddress(b.address, a.address));
}

/**
 * Refuses ports that cannot be published now. Another process may still take them before the machine listens.
 *
 * @throws {SmolvmError} `port`, with the process that has the port, if known.
 */
export async function checkPorts({ ports }: Pick<MachineRecord, "ports">): Promise<void> {
  for (const port of ports) await checkPort(port);
}
