import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { resolve } from "../host/path.ts";
import { ownBundle, removeBundle, writeBundle } from "./bundle.ts";
import { optionValue, type RuntimeCall, withOption } from "./command_line.ts";
import { readOciConfig } from "./config.ts";
import { isPodHolder, refuseUnsupported } from "./refusals.ts";
import { callOtherRuntime, containerExists } from "./runtime.ts";
import { readSettings } from "./settings.ts";

/** `create` and `run`: the other runtime makes a container that runs the VM's process. */
export async function create(call: RuntimeCall): Promise<number> {
  refuseDescriptors(call);
  const bundle = resolve(optionValue(call.options, "--bundle") ?? ".");
  const config = readOciConfig(bundle);
  if (isPodHolder(config)) return await callOtherRuntime(call);
  refuseUnsupported(config);
  const own = ownBundle(bundle, checkId(call.operands[0]!));
  // An earlier container with this id may still exist or may have left its bundle.
  if (exists(own) && await containerExists(call)) {
    throw new SmolvmError("usage", "container with given ID already exists");
  }
  removeBundle(own);
  using undo = new DisposableStack();
  undo.defer(() => removeBundle(own));
  writeBundle({ bundle, own }, config, readSettings());
  const code = await callOtherRuntime({ ...call, options: withOption(call.options, "--bundle", own) });
  const goesOn = call.command === "create" || call.options.includes("--detach");
  if (goesOn && code === 0) undo.move();
  return code;
}

/** Checks a container id, which becomes part of a folder name. */
function checkId(id: string): string {
  if (/^[\w+.-]+$/.test(id)) return id;
  throw new SmolvmError("usage", `invalid id format: "${id}"`);
}

/** Refuses descriptors that the engine keeps open for the container: a guest cannot use the host's descriptors. */
export function refuseDescriptors({ options }: RuntimeCall): void {
  if (Number(optionValue(options, "--preserve-fds") ?? "0") === 0) return;
  throw new SmolvmError("usage", "Cannot pass file descriptors to a guest: --preserve-fds is not supported");
}
