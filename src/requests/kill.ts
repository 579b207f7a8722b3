import { stopMachine } from "../machine/stop.ts";
import { CONTROL } from "../protocol/control.ts";
import { FrameWriter } from "../protocol/frame_writer.ts";
import { encodeU32s } from "../protocol/messages.ts";
import { controlSocket } from "../runner_interface/spec.ts";
import type { ReadableMachine } from "../state/lookup.ts";
import { isDisconnect } from "../protocol/attachment.ts";
import { notRunning, requireRunning } from "./exec.ts";

const SIGKILL = 9;

/**
 * Sends a signal, by its Linux number, to a machine's command. SIGKILL stops the machine: the promise settles when it
 * has ended.
 *
 * @throws {SmolvmError} `machine-state` when it does not run; `guest` when the guest does not answer to SIGKILL.
 */
export async function signalMachine(machine: ReadableMachine, signal: number): Promise<void> {
  requireRunning(machine);
  if (signal === SIGKILL) {
    const record = { ...machine.record, stopSignal: SIGKILL };
    return await stopMachine({ ...machine, record }, { timeoutMs: 0, force: false });
  }
  try {
    using conn = await Deno.connect({ transport: "unix", path: controlSocket(machine) });
    const writer = new FrameWriter(conn);
    writer.send(CONTROL.SIGNAL, 0, encodeU32s(signal));
    await writer.flush();
    await conn.closeWrite();
    // The runner closes the connection once it has read the request.
    await conn.read(new Uint8Array(1));
  } catch (error) {
    if (isDisconnect(error)) throw notRunning(machine);
    throw error;
  }
}
