import { SmolvmError } from "../errors.ts";
import { osReason } from "../host/os_error.ts";
import type { RuntimeCall } from "./command_line.ts";

/** Contains the other runtime, which makes the containers. Set by the launcher. */
export const RUNTIME_VARIABLE = "SMOLVM_OCI_RUNTIME";

/** Passes a call to the other runtime, with the streams of this process; returns its exit code. */
export async function callOtherRuntime({ global, command, options, operands }: RuntimeCall): Promise<number> {
  const process = start([...global, command, ...options, ...operands], "inherit");
  const { code } = await process.status;
  return code;
}

/** The bundle's folder that the other runtime reports for a container. */
export async function bundleOf({ global, operands }: RuntimeCall): Promise<string> {
  const process = start([...global, "state", operands[0]!], "piped");
  const { success, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  if (!success) throw new SmolvmError("no-machine", decoder.decode(stderr).trim());
  return (JSON.parse(decoder.decode(stdout)) as { bundle: string }).bundle;
}

/** Whether the other runtime knows the container. */
export async function containerExists({ global, operands }: RuntimeCall): Promise<boolean> {
  const { success } = await start([...global, "state", operands[0]!], "piped").output();
  return success;
}

function start(args: string[], streams: "inherit" | "piped"): Deno.ChildProcess {
  const runtime = Deno.env.get(RUNTIME_VARIABLE);
  if (runtime === undefined) throw new SmolvmError("usage", "smolvm oci is started by its launcher, smolvm-oci");
  try {
    const stdin = streams === "inherit" ? "inherit" : "null";
    return new Deno.Command(runtime, { args, stdin, stdout: streams, stderr: streams }).spawn();
  } catch (error) {
    throw new SmolvmError("dependency", `Cannot start "${runtime}": ${osReason(error)}`, { cause: error });
  }
}
