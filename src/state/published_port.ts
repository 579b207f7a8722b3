import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import { findPortHolder } from "../host/port_holder.ts";
import type { PortSpec } from "./machine_record.ts";

/** A process that was killed, such as a machine's, has its ports a moment longer than anyone can see them with it. */
const PATIENCE_MS = 1000;
const POLL_MS = 20;

/**
 * Listens on the host's side of a published port.
 *
 * @throws {SmolvmError} `port`: by whom it is taken, as far as that can be told, or why it cannot be had.
 */
export async function listenAt({ address, hostPort: port }: PortSpec): Promise<Deno.TcpListener> {
  const cannot = `Cannot publish port ${port} of ${address}`;
  const deadline = performance.now() + PATIENCE_MS;
  while (true) {
    // Looking for its holder may take long: there is a try after that.
    const isLast = performance.now() > deadline;
    try {
      return Deno.listen({ hostname: address, port });
    } catch (error) {
      const { AddrInUse, PermissionDenied } = Deno.errors;
      if (!(error instanceof AddrInUse)) {
        const hint = error instanceof PermissionDenied
          ? "Ports below 1024 are for root: take a higher one."
          : undefined;
        throw new SmolvmError("port", `${cannot}: ${osReason(error)}`, { cause: error, hint });
      }
      const taker = await takerOf(address, port);
      if (taker !== "" || isLast) {
        throw new SmolvmError("port", `${cannot}: it is taken${taker}`, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
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
