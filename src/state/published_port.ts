import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { findPortHolder } from "../host/port_holder.ts";
import type { PortSpec } from "./machine_record.ts";

/**
 * Listens on the host's side of a published port.
 *
 * @throws {SmolvmError} `port`: by whom it is taken, as far as that can be told, or why it cannot be had.
 */
export async function listenAt({ address, hostPort: port }: PortSpec): Promise<Deno.TcpListener> {
  try {
    return Deno.listen({ hostname: address, port });
  } catch (error) {
    const { AddrInUse, PermissionDenied } = Deno.errors;
    const reason = error instanceof AddrInUse ? `it is taken${await takerOf(address, port)}` : osReason(error);
    throw new SmolvmError("port", `Cannot publish port ${port} of ${address}: ${reason}`, {
      cause: error,
      hint: error instanceof PermissionDenied ? "Ports below 1024 are for root: take a higher one." : undefined,
    });
  }
}

/** ` by machine "web"`, ` by nginx (PID 4711)`, or nothing. */
async function takerOf(address: string, port: number): Promise<string> {
  const holder = findPortHolder({ address, port });
  if (!holder) return "";
  // Much to load for what is rarely needed.
  const { isReadable, listMachines } = await import("./lookup.ts");
  const machine = listMachines().filter(isReadable).find(({ status }) => status.process?.pid === holder.pid);
  return machine ? ` by machine "${machine.record.name}"` : ` by ${holder.name} (PID ${holder.pid})`;
}
