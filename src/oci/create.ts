import { SmolvmError } from "../errors.ts";
import { exists } from "../host/files.ts";
import { resolve } from "../host/path.ts";
import { ownBundle, removeBundle, writeBundle } from "./bundle.ts";
import { optionValue, type RuntimeCall, withOption } from "./command_line.ts";
import { readOciConfig } from "./config.ts";
import { isPodHolder, refuseUnsupported } from "./refusals.ts";
import { isThere, passOn } from "./runtime.ts";
import { readSettings } from "./settings.ts";

/** `create` and `run`: the container that the other runtime makes has the VM's process in it. */
export async function create(call: RuntimeCall): Promise<number> {
  refuseDescriptors(call);
  const bundle = resolve(optionValue(call.options, "--bundle") ?? ".");
  const config = readOciConfig(bundle);
  if (isPodHolder(config)) return await passOn(call);
  refuseUnsupported(config);
  const own = ownBundle(bundle, checkId(call.operands[0]!));
  // What another container of that name has left, or has still.
  if (exists(own) && await isThere(call)) throw new SmolvmError("usage", "container with given ID already exists");
  removeBundle(own);
  using undo = new DisposableStack();
  undo.defer(() => removeBundle(own));
  writeBundle({ bundle, own }, config, readSettings());
  const code = await passOn({ ...call, options: withOption(call.options, "--bundle", own) });
  const goesOn = call.command === "create" || call.options.includes("--detach");
  if (goesOn && code === 0) undo.move();
  return code;
}

/** It becomes the name of a folder. */
function checkId(id: string): string {
  if (/^[\w+.-]+$/.test(id)) return id;
  throw new SmolvmError("usage", `invalid id format: "${id}"`);
}

/** Refuses what an engine would leave open for the container: a guest has none of the host's descriptors. */
export function refuseDescriptors({ options }: RuntimeCall): void {
  if (Number(optionValue(options, "--preserve-fds") ?? "0") === 0) return;
  throw new SmolvmError("usage", "Cannot pass file descriptors to a guest: --preserve-fds is not supported");
}
