import { SmolvmError } from "../errors.ts";
import { coversAddress, formatEndpoint } from "../host/ip_address.ts";
import { osReason } from "../host/os_error.ts";
import { type MachineRecord, portsOf, type PortSpec } from "../state/machine_record.ts";
import { checkPort } from "../state/published_port.ts";

/** As many as a gateway has sockets for. */
const MAX_UDP_PORTS = 128;

/**
 * Gives each port that has the number 0 on the host one that is free there.
 *
 * @throws {SmolvmError} `port` when two would be the same, an address is not the host's, or there are too many.
 */
export function resolvePorts(ports: readonly PortSpec[]): PortSpec[] {
  if (portsOf(ports, "udp").length > MAX_UDP_PORTS) {
    throw new SmolvmError("port", `Cannot publish more than ${MAX_UDP_PORTS} UDP ports of a machine`);
  }
  // Held until all have a number, so that no two get the same.
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
    // In a script without --unstable-net, which has no datagrams, a port that TCP has free has to do.
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
 * Refuses ports that cannot be published now. Who listens has the last word: until then, anyone may take them.
 *
 * @throws {SmolvmError} `port`, naming who has one as far as that can be told.
 */
export async function checkPorts({ ports }: Pick<MachineRecord, "ports">): Promise<void> {
  for (const port of ports) await checkPort(port);
}
