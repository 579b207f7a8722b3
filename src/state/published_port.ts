import { SmolvmError } from "../errors.ts";
import { coversAddress } from "../host/ip_address.ts";
import { osReason } from "../host/os_error.ts";
import { findPortHolder } from "../host/port_holder.ts";
import { sleep } from "../host/sleep.ts";
import { portsOf, type PortSpec } from "./machine_record.ts";

/** How long to retry: the ports of a killed process stay in use a moment after the process has disappeared. */
const PATIENCE_MS = 1000;
const POLL_MS = 20;

/** Where a port is published. */
export type HostPort = Pick<PortSpec, "protocol" | "address" | "hostPort">;

/**
 * Listens on the host's side of a published TCP port.
 *
 * @throws {SmolvmError} `port`: which process has the port, if known, or why listening failed.
 */
export function listenAt(port: HostPort, patienceMs = PATIENCE_MS): Promise<Deno.TcpListener> {
  return take(port, patienceMs, () => Deno.listen({ hostname: port.address, port: port.hostPort }));
}

/**
 * Checks that a port to publish is free.
 *
 * @throws {SmolvmError} like {@linkcode listenAt}.
 */
export async function checkPort(port: HostPort): Promise<void> {
  if (port.protocol === "tcp") return (await listenAt(port)).close();
  // Without --unstable-net, a script cannot open UDP sockets. The gateway can, and reports a taken port itself.
  if (!("listenDatagram" in Deno)) return;
  const options = { transport: "udp", hostname: port.address, port: port.hostPort } as const;
  (await take(port, PATIENCE_MS, () => Deno.listenDatagram(options))).close();
}

async function take<T>(port: HostPort, patienceMs: number, open: () => T): Promise<T> {
  const { protocol, address, hostPort } = port;
  const cannot = `Cannot publish ${protocol === "udp" ? "UDP port" : "port"} ${hostPort} of ${address}`;
  const deadline = performance.now() + patienceMs;
  while (true) {
    // Finding the holder may take long: try once more after the deadline.
    const isLast = performance.now() > deadline;
    try {
      return open();
    } catch (error) {
      const { AddrInUse, PermissionDenied } = Deno.errors;
      if (!(error instanceof AddrInUse)) {
        const hint = error instanceof PermissionDenied
          ? "Ports below 1024 are for root: take a higher one."
          : undefined;
        throw new SmolvmError("port", `${cannot}: ${osReason(error)}`, { cause: error, hint });
      }
      const taker = await describeHolder(port);
      if (taker !== "" || isLast) {
        throw new SmolvmError("port", `${cannot}: it is taken${taker}`, { cause: error });
      }
    }
    await sleep(POLL_MS);
  }
}

/** Returns ` by machine "web"`, ` by nginx (PID 4711)`, or an empty text. */
async function describeHolder({ protocol, address, hostPort: port }: HostPort): Promise<string> {
  const holder = findPortHolder({ protocol, address, port });
  if (!holder) return "";
  // Loaded on demand: it is large and rarely needed.
  const { isReadable, listMachines } = await import("./lookup.ts");
  const covers = (other: string) => coversAddress(other, address) || coversAddress(address, other);
  const machine = listMachines().filter(isReadable).find(({ status, record }) =>
    // A gateway holds UDP ports, and no state file names its process: find the machine by its published ports.
    protocol === "tcp"
      ? status.process?.pid === holder.pid
      : status.process && portsOf(record.ports, "udp").some((its) => its.hostPort === port && covers(its.address))
  );
  return machine ? ` by machine "${machine.record.name}"` : ` by ${holder.name} (PID ${holder.pid})`;
}
