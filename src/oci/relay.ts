import { exists } from "../host/files.ts";
import { Libc } from "../host/libc.ts";
import { sleep } from "../host/sleep.ts";
import { exitCode } from "../machine/exit_code.ts";
import { SmolvmError } from "../errors.ts";
import { Attachment } from "../protocol/attachment.ts";
import { CONTROL } from "../protocol/control.ts";
import { encodeExec } from "../protocol/messages.ts";
import { controlSocket } from "../runner_interface/spec.ts";
import type { OciProcess } from "./config.ts";
import { guestExec } from "./guest_process.ts";
import { EXEC_VARIABLE, parseContainerSpec, RUNTIME_FOLDER, SPEC_FILE } from "./spec.ts";
import { OWN_STREAMS, PassedSignals, takeTerminal } from "./streams.ts";

const POLL_MS = 10;

/** The process that `exec` starts in a container: lends its streams to a guest's command. Returns its exit code. */
export async function relayMain(): Promise<number> {
  const process = JSON.parse(Deno.env.get(EXEC_VARIABLE)!) as OciProcess;
  const hasTerminal = process.terminal ?? false;
  const signals = new PassedSignals({ terminal: hasTerminal });
  const { seccomp } = parseContainerSpec(Deno.readTextFileSync(SPEC_FILE));
  const terminal = hasTerminal ? takeTerminal(new Libc()) : undefined;
  const exec = guestExec(process, { terminal, pid1: false, sysctls: "-", seccomp });
  const socket = controlSocket({ runtimeFolder: RUNTIME_FOLDER });
  // A container that was just created or started has no socket yet. This process ends with the container.
  while (!exists(socket)) await sleep(POLL_MS);
  const attachment = await Attachment.open(socket, OWN_STREAMS, { type: CONTROL.EXEC, payload: encodeExec(exec) });
  signals.deliver(attachment);
  const status = await attachment.finish();
  if (!status) throw new SmolvmError("guest", "The container ended before the command");
  return exitCode(status);
}
