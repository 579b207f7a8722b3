import { SmolvmError } from "../errors.ts";
import { engineBundle } from "./bundle.ts";
import { optionValue, type RuntimeCall, withOption } from "./command_line.ts";
import { type OciResources, readJson, readOciConfig } from "./config.ts";
import { raisedLimits } from "./resources.ts";
import { bundleOf, callOtherRuntime } from "./runtime.ts";

/**
 * `update`: changes the limits of the VM's processes. The guest's memory cannot change, but engines may repeat its
 * current limit.
 */
export async function update(call: RuntimeCall): Promise<number> {
  const bundle = engineBundle(await bundleOf(call));
  if (bundle === undefined) return await callOtherRuntime(call);
  const file = optionValue(call.options, "--resources");
  if (file === undefined || call.options.length > 1) {
    throw new SmolvmError("usage", "Cannot update the container: expected --resources and no other option");
  }
  const resources = readJson(file === "-" ? "/dev/stdin" : file) as OciResources;
  const before = readOciConfig(bundle).linux.resources?.memory?.limit ?? 0;
  // 0 means no change.
  const after = resources.memory?.limit || before;
  if (Math.max(after, 0) !== Math.max(before, 0)) {
    throw new SmolvmError("usage", "Cannot update the container: the memory of a running guest cannot change");
  }
  const rewritten = Deno.makeTempFileSync({ prefix: "smolvm-oci-", suffix: ".json" });
  try {
    Deno.writeTextFileSync(rewritten, JSON.stringify(raisedLimits(resources)));
    return await callOtherRuntime({ ...call, options: withOption(call.options, "--resources", rewritten) });
  } finally {
    Deno.removeSync(rewritten);
  }
}
